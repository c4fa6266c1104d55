//! What a client does with the parts of a stream of the program's own.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use mqttlink::broker::Broker;
use mqttlink::{Builder, Client, ErrorCode, Publish, QoS, ReasonCode, Stream};

use crate::server::WATCHDOG;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    Read,
    Write,
    Close,
    DropOfRead,
    DropOfWrite,
    DropOfClose,
}

const PLACES: [Place; 6] = [
    Place::Read,
    Place::Write,
    Place::Close,
    Place::DropOfRead,
    Place::DropOfWrite,
    Place::DropOfClose,
];

/// Tells where a stream is, and panics there once it has been armed.
#[derive(Clone)]
struct Trap {
    at: Option<Place>,
    armed: Arc<AtomicBool>,
    told: Sender<Place>,
}

impl Trap {
    fn new(at: Option<Place>) -> (Self, Receiver<Place>) {
        let (told, places) = mpsc::channel();
        (Self { at, armed: Arc::default(), told }, places)
    }

    fn pass(&self, place: Place) {
        let _ = self.told.send(place);
        let springs = self.at == Some(place) && self.armed.swap(false, Ordering::SeqCst);
        assert!(!springs, "{place:?}");
    }
}

/// One of the three parts of a stream.
struct Part {
    socket: TcpStream,
    trap: Trap,
    dropped: Place,
}

impl Part {
    fn new(socket: &TcpStream, trap: &Trap, dropped: Place) -> Self {
        Self { socket: socket.try_clone().unwrap(), trap: trap.clone(), dropped }
    }
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.socket.read(buffer)?;
        self.trap.pass(Place::Read);
        Ok(count)
    }
}

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.trap.pass(Place::Write);
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.trap.pass(self.dropped);
    }
}

fn broker() -> Broker {
    Broker::builder().listen("127.0.0.1:0").start().unwrap()
}

/// Clients of the broker whose streams pass the trap, and are there when `open` returns.
fn builder(broker: &Broker, trap: &Trap, open: impl Fn() + Send + Sync + 'static) -> Builder {
    let (address, trap) = (broker.address().unwrap(), trap.clone());
    Client::builder("mqtt://x").transport(move |_: &str, _, _| {
        let socket = TcpStream::connect(address)?;
        let read = Part::new(&socket, &trap, Place::DropOfRead);
        let write = Part::new(&socket, &trap, Place::DropOfWrite);
        let close = Part::new(&socket, &trap, Place::DropOfClose);
        open();
        Ok(Stream::new(read, write, move || {
            let _ = close.socket.shutdown(Shutdown::Both);
            close.trap.pass(Place::Close);
        }))
    })
}

/// The end of one stream.
fn end(places: &Receiver<Place>) -> Vec<Place> {
    let passed = std::iter::from_fn(|| Some(places.recv_timeout(WATCHDOG).unwrap()));
    passed.filter(|place| !matches!(place, Place::Read | Place::Write)).take(4).collect()
}

#[test]
fn a_stream_that_panics_ends_its_connection_and_the_next_one_works() {
    let broker = broker();
    for place in PLACES {
        let (trap, places) = Trap::new(Some(place));
        let (client, _) = builder(&broker, &trap, || {}).connect().unwrap();
        trap.armed.store(true, Ordering::SeqCst);
        let message = Publish::new("a", "1").qos(QoS::AtLeastOnce);
        let outcome = client.publish(message).unwrap().wait_timeout(Duration::from_secs(5));
        if matches!(place, Place::Read | Place::Write) {
            let error = outcome.unwrap_err();
            assert_eq!(error.code(), ErrorCode::ConnectionLost, "{place:?}: {error}");
            assert!(error.to_string().contains("the transport panicked"), "{error}");
        }
        client.abort();
        assert!(!trap.armed.load(Ordering::SeqCst), "{place:?} was not reached");
        assert_eq!(end(&places).len(), 4);
        client.connect().unwrap();
        client.abort();
    }
}

#[test]
fn a_stream_is_closed_before_its_parts_are_dropped_who_ever_ends_it() {
    let broker = broker();
    let (trap, places) = Trap::new(None);
    let (client, _) = builder(&broker, &trap, || {}).client_id("lost").connect().unwrap();
    assert!(broker.disconnect("lost", ReasonCode::AdministrativeAction).unwrap());
    let lost = end(&places);
    assert_eq!(lost.first(), Some(&Place::Close), "{lost:?}");
    client.connect().unwrap();
    client.abort();
    let aborted = end(&places);
    assert_eq!(aborted.first(), Some(&Place::Close), "{aborted:?}");

    let (release, released) = mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let open = move || assert!(released.lock().unwrap().recv_timeout(WATCHDOG).is_err());
    let late = builder(&broker, &trap, open).connect_timeout(Duration::from_millis(20));
    assert_eq!(late.connect().unwrap_err().code(), ErrorCode::TimeoutTcp);
    drop(release);
    let late = end(&places);
    assert_eq!(late.first(), Some(&Place::Close), "{late:?}");
}
