//! `interrupt`, calls that do not wait, and streams of the program's own.

use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use mqttlink::{Client, ErrorCode, Publish, QoS, Stream, Subscribe};

use crate::server::{Server, WATCHDOG};

/// Answers everything, except what is published to `silent`.
fn patient_server() -> Server {
    Server::once(|link| {
        link.accept();
        while let Some(bytes) = link.next() {
            if bytes[0] >> 4 == 8 {
                link.send(&[0x90, 4, bytes[2], bytes[3], 0, 1]);
            } else if bytes[0] >> 4 == 10 {
                link.send(&[0xb0, 4, bytes[2], bytes[3], 0, 0]);
            }
        }
    })
}

#[test]
fn each_call_that_waits_is_interrupted_and_the_connection_stays() {
    type Call = fn(&Client) -> ErrorCode;
    let calls: [Call; 3] = [
        |client| client.recv().unwrap_err().code(),
        |client| client.recv_timeout(WATCHDOG).unwrap_err().code(),
        |client| {
            let message = Publish::new("silent", "1").qos(QoS::AtLeastOnce);
            client.publish(message).unwrap().wait_timeout(WATCHDOG).unwrap_err().code()
        },
    ];
    let server = patient_server();
    let client = server.client();
    for call in calls {
        thread::scope(|scope| {
            let waiting = scope.spawn(|| call(&client));
            client.interrupt();
            assert_eq!(waiting.join().unwrap(), ErrorCode::Interrupted);
        });
        assert!(client.is_connected());
    }
    client.abort();
    server.join();
}

#[test]
fn an_interrupt_that_finds_nobody_waits_for_the_next_call_and_only_that() {
    let server = patient_server();
    let client = server.client();
    client.interrupt();
    assert!(client.try_recv().is_none(), "does not wait, and so does not count");
    assert_eq!(client.recv().unwrap_err().code(), ErrorCode::Interrupted);
    let error = client.recv_timeout(Duration::from_millis(1)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::TimeoutReceive);
    client.abort();
    server.join();
}

#[test]
fn an_attempt_to_connect_is_interrupted() {
    let (accepted, is_accepted) = mpsc::channel();
    let server = Server::once(move |link| {
        assert!(link.next().is_some(), "CONNECT");
        accepted.send(()).unwrap();
        assert!(link.next().is_none(), "the attempt is given up");
    });
    let client = server.builder().build().unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| client.connect().unwrap_err().code());
        is_accepted.recv_timeout(WATCHDOG).unwrap();
        client.interrupt();
        assert_eq!(waiting.join().unwrap(), ErrorCode::Interrupted);
    });
    server.join();
}

#[test]
fn subscribe_then_calls_back_with_one_result_for_each_filter() {
    let server = patient_server();
    let client = server.client();
    let (tell, told) = mpsc::channel();
    let done = tell.clone();
    client
        .subscribe_then(Subscribe::new("a", QoS::AtLeastOnce), move |result| {
            done.send(result.map(|answer| answer.results().collect::<Vec<_>>())).unwrap();
        })
        .unwrap();
    let results = told.recv_timeout(WATCHDOG).unwrap().unwrap();
    assert_eq!(results, [Ok(QoS::AtLeastOnce)]);
    client
        .unsubscribe_then("a", move |result| {
            result.unwrap().all().unwrap();
            tell.send(Ok(Vec::new())).unwrap();
        })
        .unwrap();
    told.recv_timeout(WATCHDOG).unwrap().unwrap();
    client.abort();
    let error = client.subscribe_then(("a", QoS::AtMostOnce), |_| panic!("not accepted"));
    assert_eq!(error.unwrap_err().code(), ErrorCode::NotConnected);
    server.join();
}

#[test]
fn a_stream_of_the_programs_own_carries_the_packets_and_is_closed_once() {
    let server = patient_server();
    let address = server.address;
    let closed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&closed);
    let builder = Client::builder("mqtt://any.invalid:7").transport(move |host, port, limit| {
        assert_eq!((host, port), ("any.invalid", 7));
        assert!(limit > Duration::ZERO);
        let socket = TcpStream::connect(address)?;
        let (read, write) = (socket.try_clone()?, socket.try_clone()?);
        let count = Arc::clone(&count);
        Ok(Stream::new(read, write, move || {
            count.fetch_add(1, Ordering::SeqCst);
            let _ = socket.shutdown(Shutdown::Both);
        }))
    });
    let (client, _) = builder.connect().unwrap();
    client.subscribe(("a", QoS::AtLeastOnce)).unwrap().all().unwrap();
    client.disconnect().unwrap();
    server.join();
    assert_eq!(closed.load(Ordering::SeqCst), 1);
}

#[test]
fn a_transport_that_fails_or_hangs_is_named() {
    let refused = |_: &str, _, _| Err(std::io::ErrorKind::PermissionDenied.into());
    let client = Client::builder("mqtt://x").transport(refused).build().unwrap();
    let error = client.connect().unwrap_err();
    assert_eq!(error.code(), ErrorCode::ConnectFailed);
    assert!(error.to_string().contains("transport"), "{error}");

    let (release, hang) = mpsc::channel::<()>();
    let hang = std::sync::Mutex::new(hang);
    let hangs = move |_: &str, _, _| {
        let _ = hang.lock().unwrap().recv();
        Err(std::io::ErrorKind::NotConnected.into())
    };
    let limit = Duration::from_millis(20);
    let client = Client::builder("mqtt://x").transport(hangs).connect_timeout(limit);
    assert_eq!(client.connect().unwrap_err().code(), ErrorCode::TimeoutTcp);
    drop(release);

    let secure = Client::builder("mqtts://x").transport(refused).build();
    assert_eq!(secure.unwrap_err().code(), ErrorCode::InvalidArgument);
}
