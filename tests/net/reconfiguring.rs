//! Other options for the next connection of the same client and session.

use mqttlink::{Client, ErrorCode, Publish, QoS, Version};

use crate::server::Server;

fn builder(server: &Server, password: &str) -> mqttlink::Builder {
    server
        .builder()
        .version(Version::V3_1_1)
        .clean_start(false)
        .user_name("user")
        .password(password)
}

#[test]
fn a_message_in_flight_survives_a_new_password() {
    let server = Server::many(|links| {
        let mut link = links.accept();
        let connect = link.next().unwrap();
        assert!(connect.ends_with(b"old"), "{connect:?}");
        link.version = Version::V3_1_1;
        link.send(&[0x20, 2, 0, 0]);
        link.expect_start("PUBLISH");
        drop(link);
        let mut link = links.accept();
        let connect = link.next().unwrap();
        assert!(connect.ends_with(b"new"), "{connect:?}");
        link.version = Version::V3_1_1;
        link.send(&[0x20, 2, 1, 0]);
        let again = link.next().unwrap();
        assert_eq!(again[0], 0x3A, "DUP, QoS 1: {again:?}");
        link.send(&[0x40, 2, again[5], again[6]]);
        link.expect_start("DISCONNECT");
    });
    let client: Client = builder(&server, "old").build().unwrap();
    client.connect().unwrap();
    let delivery = client.publish(Publish::new("t", "x").qos(QoS::AtLeastOnce)).unwrap();
    delivery.wait().unwrap_err();
    while client.is_connected() {
        std::thread::yield_now();
    }
    client.reconfigure(builder(&server, "new")).unwrap();
    assert!(client.connect().unwrap().session_present);
    delivery.wait().unwrap();
    client.disconnect().unwrap();
    server.join();
}

#[test]
fn a_connection_keeps_the_options_it_was_made_with() {
    let server = Server::once(|link| {
        link.accept();
        link.expect_start("DISCONNECT");
    });
    let client = server.client();
    let error = client.reconfigure(server.builder()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidState);
    client.disconnect().unwrap();
    server.join();
}

#[test]
fn options_that_cannot_be_used_change_nothing() {
    let server = Server::once(|link| {
        link.accept();
        link.expect_start("DISCONNECT");
    });
    let client = server.builder().build().unwrap();
    let wrong = server.builder().receive_maximum(0);
    assert_eq!(client.reconfigure(wrong).unwrap_err().code(), ErrorCode::InvalidProperty);
    client.connect().unwrap();
    client.disconnect().unwrap();
    server.join();
}
