//! A bare relay, without MQTT, in the shapes that a broker's threads can have: what the choice of
//! threads costs by itself. Frames of 80 bytes go from publishers to all subscribers.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token, Waker};

const FRAME: usize = 80;

/// How many frames a publisher may be ahead of the slowest subscriber.
const WINDOW: u64 = 200;

/// How the relay's work is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Threads {
    /// One thread polls all sockets and does everything.
    One,
    /// Two threads poll half of the sockets each; what the other one's sockets get goes through a
    /// queue and wakes it.
    Two,
    /// Each socket has a thread that reads and one that writes, with a queue between.
    PerConnection,
}

/// Measures all shapes and prints them.
pub(crate) fn compare(span: Duration) {
    println!("\na bare relay: frames of {FRAME} bytes delivered per second, by threads");
    println!("{:<12}{:>16}{:>16}{:>16}", "", "one", "two", "per connection");
    for subscribers in [1, 100] {
        print!("{:<12}", format!("1 to {subscribers}"));
        for threads in [Threads::One, Threads::Two, Threads::PerConnection] {
            print!("{:>16}", format!("{:.0}/s", rate(threads, subscribers, span)));
        }
        println!();
    }
}

/// A connected pair: the client's end and the relay's.
fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let relay = listener.accept().unwrap().0;
    for stream in [&client, &relay] {
        stream.set_nodelay(true).unwrap();
    }
    (client, relay)
}

fn rate(threads: Threads, subscribers: usize, span: Duration) -> f64 {
    let (publisher, publisher_end) = pair();
    let (clients, ends): (Vec<_>, Vec<_>) = (0..subscribers).map(|_| pair()).unzip();
    let stop = Arc::new(AtomicBool::new(false));
    let relay = match threads {
        Threads::One => poll_threads(publisher_end, ends, 1, &stop),
        Threads::Two => poll_threads(publisher_end, ends, 2, &stop),
        Threads::PerConnection => connection_threads(publisher_end, ends),
    };
    let received = play(&publisher, &clients, span);
    stop.store(true, Ordering::SeqCst);
    let _ = publisher.shutdown(Shutdown::Both);
    clients.iter().for_each(|client| drop(client.shutdown(Shutdown::Both)));
    relay.into_iter().for_each(|thread| drop(thread.join()));
    received as f64 / span.as_secs_f64()
}

/// One thread plays publisher and subscribers, as in the other cases of this benchmark.
fn play(publisher: &TcpStream, clients: &[TcpStream], span: Duration) -> u64 {
    let mut poll = Poll::new().unwrap();
    let mut streams = Vec::new();
    for (index, client) in clients.iter().enumerate() {
        let client = client.try_clone().unwrap();
        client.set_nonblocking(true).unwrap();
        let mut client = mio::net::TcpStream::from_std(client);
        poll.registry().register(&mut client, Token(index), Interest::READABLE).unwrap();
        streams.push((client, 0_u64));
    }
    let mut publisher = publisher;
    let (mut sent, begin) = (0_u64, Instant::now());
    let mut buffer = vec![0; 256 * 1024];
    let mut events = Events::with_capacity(256);
    while begin.elapsed() < span {
        let slowest = streams.iter().map(|(_, bytes)| bytes / FRAME as u64).min().unwrap();
        let room = (WINDOW - (sent - slowest).min(WINDOW)) as usize;
        publisher.write_all(&vec![0; room * FRAME]).unwrap();
        sent += room as u64;
        poll.poll(&mut events, Some(Duration::from_millis(1))).unwrap();
        for event in &events {
            let (stream, bytes) = &mut streams[event.token().0];
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                *bytes += count as u64;
            }
        }
    }
    streams.iter().map(|(_, bytes)| bytes / FRAME as u64).sum()
}

type Queue = Arc<(Mutex<Vec<u8>>, AtomicU64)>;

/// `count` threads that poll: the first has the publisher, the subscribers are dealt out.
fn poll_threads(
    publisher: TcpStream,
    ends: Vec<TcpStream>,
    count: usize,
    stop: &Arc<AtomicBool>,
) -> Vec<std::thread::JoinHandle<()>> {
    publisher.set_nonblocking(true).unwrap();
    let mut publisher = mio::net::TcpStream::from_std(publisher);
    let mut shares: Vec<Vec<TcpStream>> = (0..count).map(|_| Vec::new()).collect();
    for (index, end) in ends.into_iter().enumerate() {
        // With two threads the one subscriber of the case 1 to 1 is on the other one.
        shares[(index + count - 1) % count].push(end);
    }
    let mut own = shares.remove(0);
    let poll = Poll::new().unwrap();
    let others: Vec<(Queue, Arc<Waker>, Poll, Vec<TcpStream>)> = shares
        .into_iter()
        .map(|share| {
            let poll = Poll::new().unwrap();
            let waker = Arc::new(Waker::new(poll.registry(), Token(0)).unwrap());
            (Queue::default(), waker, poll, share)
        })
        .collect();
    let links: Vec<(Queue, Arc<Waker>)> =
        others.iter().map(|(queue, waker, ..)| (Arc::clone(queue), Arc::clone(waker))).collect();
    let mut threads = Vec::new();
    for (queue, _, mut poll, mut share) in others {
        let stop = Arc::clone(stop);
        threads.push(std::thread::spawn(move || {
            let mut events = Events::with_capacity(16);
            while !stop.load(Ordering::SeqCst) {
                poll.poll(&mut events, Some(Duration::from_millis(10))).unwrap();
                let frames = std::mem::take(&mut *queue.0.lock().unwrap());
                forward(&mut share, &frames);
            }
        }));
    }
    let stop = Arc::clone(stop);
    threads.push(std::thread::spawn(move || {
        let mut poll = poll;
        poll.registry().register(&mut publisher, Token(1), Interest::READABLE).unwrap();
        let mut events = Events::with_capacity(16);
        let mut buffer = vec![0; 128 * 1024];
        while !stop.load(Ordering::SeqCst) {
            poll.poll(&mut events, Some(Duration::from_millis(10))).unwrap();
            while let Ok(count @ 1..) = publisher.read(&mut buffer) {
                for (queue, waker) in &links {
                    queue.0.lock().unwrap().extend_from_slice(&buffer[..count]);
                    waker.wake().unwrap();
                }
                forward(&mut own, &buffer[..count]);
            }
        }
    }));
    threads
}

fn forward(ends: &mut [TcpStream], frames: &[u8]) {
    if !frames.is_empty() {
        // The window keeps the sockets from filling up.
        ends.iter_mut().for_each(|end| drop(end.write_all(frames)));
    }
}

fn connection_threads(
    mut publisher: TcpStream,
    ends: Vec<TcpStream>,
) -> Vec<std::thread::JoinHandle<()>> {
    let mut threads = Vec::new();
    let mut queues = Vec::new();
    for mut end in ends {
        let queue = Arc::new((Mutex::new((Vec::<u8>::new(), false)), Condvar::new()));
        queues.push(Arc::clone(&queue));
        threads.push(std::thread::spawn(move || {
            loop {
                let mut state = queue.0.lock().unwrap();
                while state.0.is_empty() && !state.1 {
                    state = queue.1.wait(state).unwrap();
                }
                let frames = std::mem::take(&mut state.0);
                let ended = state.1;
                drop(state);
                if ended || end.write_all(&frames).is_err() {
                    return;
                }
            }
        }));
    }
    threads.push(std::thread::spawn(move || {
        let mut buffer = vec![0; 128 * 1024];
        while let Ok(count @ 1..) = publisher.read(&mut buffer) {
            for queue in &queues {
                queue.0.lock().unwrap().0.extend_from_slice(&buffer[..count]);
                queue.1.notify_one();
            }
        }
        for queue in &queues {
            queue.0.lock().unwrap().1 = true;
            queue.1.notify_one();
        }
    }));
    threads
}
