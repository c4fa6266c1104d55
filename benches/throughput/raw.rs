//! The limit: the same bytes through a bare socket.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

use crate::sink::publish;
use crate::{Job, Verb};

const CHUNK: usize = 1024 * 1024;

/// Messages per second if only the bytes had to be moved; for latency the median round trip of a
/// packet in microseconds.
pub(crate) fn run(job: &Job) -> f64 {
    if job.verb == Verb::Latency {
        return latency(job);
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let one = publish(&Job { qos: 0, ..job.clone() }, 0);
    let per_write = (CHUNK / one.len()).max(1);
    let many = one.repeat(per_write);
    let writes = job.count / per_write + 1;
    let total = writes * many.len();
    let sender = thread::spawn(move || {
        let mut stream = TcpStream::connect(address).expect("a connection");
        for _ in 0..writes {
            stream.write_all(&many).expect("a reader");
        }
    });
    let (mut stream, _) = listener.accept().expect("a sender");
    let mut buffer = vec![0; CHUNK];
    let start = Instant::now();
    let mut read = 0;
    while read < total {
        read += stream.read(&mut buffer).expect("bytes");
    }
    let seconds = start.elapsed().as_secs_f64();
    sender.join().expect("the sender ends");
    total as f64 / one.len() as f64 / seconds
}

fn latency(job: &Job) -> f64 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let one = publish(job, 1);
    let len = one.len();
    let count = job.count;
    let echo = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        stream.set_nodelay(true).expect("no delay");
        let mut buffer = vec![0; len];
        for _ in 0..count {
            stream.read_exact(&mut buffer).expect("a packet");
            stream.write_all(&[0x40, 2, 0, 1]).expect("a reader");
        }
    });
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    let mut times: Vec<f64> = (0..count)
        .map(|_| {
            let start = Instant::now();
            stream.write_all(&one).expect("a reader");
            stream.read_exact(&mut [0; 4]).expect("an answer");
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_unstable_by(f64::total_cmp);
    echo.join().expect("the echo ends");
    times[times.len() / 2]
}
