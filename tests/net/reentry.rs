//! The user's code where it is least expected: in destructors, authenticators, resolvers and logs.

use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use mqttlink::{
    AuthError, Authenticator, Client, ErrorCode, Publish, QoS, SocketOptions, Status, Subscribe,
};

use crate::server::{Server, WATCHDOG, within};

#[test]
fn a_handler_that_owns_the_last_handle_is_dropped_without_a_lock() {
    let (gone, is_gone) = mpsc::channel();
    let server = Server::once(move |link| {
        link.accept();
        link.serve();
        gone.send(()).unwrap();
    });
    let client = server.client();
    let held = client.clone();
    let subscribe = Subscribe::new("a", QoS::AtMostOnce);
    client
        .subscribe(subscribe.handler(move |_| assert!(held.is_connected())))
        .unwrap()
        .all()
        .unwrap();
    let (inside, is_inside) = mpsc::channel();
    let (go, wait) = mpsc::channel::<()>();
    client
        .publish_then(Publish::new("x", "y"), move |_| {
            inside.send(()).unwrap();
            wait.recv_timeout(WATCHDOG).unwrap();
        })
        .unwrap();
    is_inside.recv_timeout(WATCHDOG).unwrap();
    client.unsubscribe("a").unwrap().all().unwrap();
    drop(client);
    go.send(()).unwrap();
    is_gone.recv_timeout(WATCHDOG).expect("the client ends with its last handle");
    server.join();
}

/// Does the same in every step of an exchange.
struct Each<F>(F);

impl<F: FnMut() -> Result<Option<Vec<u8>>, AuthError> + Send> Authenticator for Each<F> {
    fn method(&self) -> &str {
        "x"
    }

    fn start(&mut self) -> Result<Option<Vec<u8>>, AuthError> {
        (self.0)()
    }

    fn respond(&mut self, _: Option<&[u8]>) -> Result<Option<Vec<u8>>, AuthError> {
        (self.0)()
    }
}

#[test]
fn an_authenticator_that_panics_fails_its_attempt_and_nothing_else() {
    let authenticator = Each(|| panic!("this panic is part of the test"));
    let builder = Client::builder("mqtt://localhost").authenticator(authenticator);
    let client = builder.build().unwrap();
    for _ in 0..2 {
        let error = client.connect().unwrap_err();
        assert_eq!(error.code(), ErrorCode::AuthenticationFailed);
        assert!(error.to_string().contains("this panic is part of the test"), "{error}");
        assert_eq!(client.status(), Status::Disconnected);
    }
    within(WATCHDOG, move || drop(client));
}

#[test]
fn an_authenticator_may_end_its_own_attempt() {
    let server = Server::many(|links| drop(links.accept()));
    let slot: Arc<OnceLock<Client>> = Arc::default();
    let inside = Arc::clone(&slot);
    let authenticator = Each(move || {
        inside.get().unwrap().abort();
        Ok(None)
    });
    let client = server.builder().authenticator(authenticator).build().unwrap();
    slot.set(client.clone()).unwrap();
    let error = within(WATCHDOG, move || client.connect().unwrap_err());
    assert_eq!(error.code(), ErrorCode::Closed);
}

#[test]
fn an_authenticator_that_hangs_does_not_hold_up_abort() {
    let (asked, is_asked) = mpsc::channel();
    let (go, wait) = mpsc::channel::<()>();
    let authenticator = Each(move || {
        asked.send(()).unwrap();
        let _ = wait.recv_timeout(WATCHDOG);
        Ok(None)
    });
    let builder = Client::builder("mqtt://localhost").authenticator(authenticator);
    let client = builder.build().unwrap();
    let connecting = client.clone();
    let worker = std::thread::spawn(move || connecting.connect().map(drop));
    is_asked.recv_timeout(WATCHDOG).unwrap();
    within(WATCHDOG, move || client.abort());
    go.send(()).unwrap();
    assert_eq!(worker.join().unwrap().unwrap_err().code(), ErrorCode::Closed);
}

#[test]
fn a_resolver_that_panics_is_told_at_once() {
    let client = Client::builder("mqtt://nowhere.invalid")
        .resolver(|_, _| panic!("this panic is part of the test"))
        .connect_timeout(Duration::MAX)
        .build()
        .unwrap();
    let error = within(WATCHDOG, move || client.connect().unwrap_err());
    assert_eq!(error.code(), ErrorCode::HostNotFound);
    assert!(error.to_string().contains("the resolver panicked"), "{error}");
}

#[test]
fn the_system_takes_every_interval_of_tcp_keep_alive() {
    let server = Server::once(|link| {
        link.accept();
        link.drain();
    });
    let mut socket = SocketOptions::default();
    socket.keep_alive = Some(Duration::from_millis(1));
    let (client, _) = server.builder().socket(socket).connect().unwrap();
    client.disconnect().unwrap();
    server.join();
}
