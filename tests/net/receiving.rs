//! Receiving: acknowledgement after the work, slow handlers, order, streams, handlers for each
//! subscription.

use std::io::Read;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use mqttlink::codec::AckKind;
use mqttlink::{Acknowledge, ErrorCode, Publish, QoS, ReasonCode, Subscribe, Unsubscribe};

use crate::server::{Server, WATCHDOG};

#[test]
fn a_message_is_acknowledged_when_its_handler_has_returned() {
    let (entered, inside) = mpsc::channel();
    let (leave, left) = mpsc::channel::<()>();
    let server = Server::once(move |link| {
        link.accept();
        link.publish("a", b"1", QoS::AtLeastOnce, 1);
        inside.recv_timeout(WATCHDOG).unwrap();
        // Whatever is sent by now would come before the answer to this.
        link.publish("b", b"", QoS::AtMostOnce, 0);
        link.expect_start("PINGREQ").clear();
        leave.send(()).unwrap();
        assert_eq!(link.expect(), "PUBACK id=1");
    });
    let builder = server.builder().keep_alive(Duration::from_secs(1)).on_message(move |message| {
        if message.topic() == "a" {
            entered.send(()).unwrap();
            left.recv_timeout(WATCHDOG).unwrap();
        }
    });
    let client = builder.build().unwrap();
    client.connect().unwrap();
    server.join();
}

#[test]
fn by_hand_acknowledgements_leave_in_the_order_of_the_messages() {
    let server = Server::once(|link| {
        link.accept();
        for id in 1..=3 {
            link.publish("a", b"1", QoS::AtLeastOnce, id);
        }
        for id in 4..=5 {
            link.publish("a", b"2", QoS::ExactlyOnce, id);
        }
        assert_eq!(link.expect(), "PUBREC id=4");
        assert_eq!(link.expect(), "PUBACK id=1");
        assert_eq!(link.expect(), "PUBACK id=2 reason=quota exceeded (0x97)");
        assert_eq!(link.expect(), "PUBACK id=3");
        assert_eq!(link.expect(), "PUBREC id=5");
        link.drain();
    });
    let client = server.builder().acknowledge(Acknowledge::Manually).build().unwrap();
    client.connect().unwrap();
    let messages: Vec<_> = (0..5).map(|_| client.recv_timeout(WATCHDOG).unwrap()).collect();
    let [one, two, three, four, five] = &messages[..] else { panic!("five messages") };
    three.acknowledge();
    two.acknowledger().unwrap().reject(ReasonCode::QuotaExceeded);
    assert!(two.acknowledger().is_none(), "it was taken");
    four.acknowledge();
    one.acknowledge();
    five.acknowledge();
    five.acknowledge();
    client.disconnect().unwrap();
    server.join();
}

#[test]
fn by_hand_nothing_is_acknowledged_by_itself_and_on_receipt_at_once() {
    for (mode, at_once) in [(Acknowledge::Manually, false), (Acknowledge::OnReceipt, true)] {
        let server = Server::once(move |link| {
            link.accept();
            link.publish("a", b"1", QoS::AtLeastOnce, 1);
            if at_once {
                assert_eq!(link.expect(), "PUBACK id=1");
            }
            link.expect_start("PUBLISH");
            link.drain();
        });
        let (done, finished) = mpsc::channel();
        let builder = server.builder().acknowledge(mode).on_message(move |message| {
            let client = message.client().unwrap();
            client.publish(Publish::new("handled", "")).unwrap();
            done.send(()).unwrap();
        });
        let client = builder.build().unwrap();
        client.connect().unwrap();
        finished.recv_timeout(WATCHDOG).unwrap();
        client.disconnect().unwrap();
        server.join();
    }
}

#[test]
fn a_message_from_recv_is_acknowledged_when_it_is_dropped() {
    let server = Server::once(|link| {
        link.accept();
        link.publish("a", b"1", QoS::AtLeastOnce, 1);
        link.expect_start("PUBLISH");
        assert_eq!(link.expect(), "PUBACK id=1");
        link.drain();
    });
    let client = server.client();
    let message = client.recv_timeout(WATCHDOG).unwrap();
    let copy = message.clone();
    drop(copy);
    client.publish(Publish::new("not", "yet")).unwrap().wait().unwrap();
    drop(message);
    client.disconnect().unwrap();
    server.join();
}

#[test]
fn what_was_not_acknowledged_is_delivered_again_after_a_reconnect() {
    let server = Server::many(|links| {
        for dup in [false, true] {
            let mut link = links.accept();
            link.accept_with(dup, &[]);
            let first = if dup { 0x3a } else { 0x32 };
            link.send(&[first, 7, 0, 1, b'a', 0, 9, 0, b'x']);
            if dup {
                assert_eq!(link.expect(), "PUBACK id=9");
            }
            link.expect_start("PUBLISH");
            link.close();
        }
    });
    let builder = server.builder().acknowledge(Acknowledge::Manually);
    let client = builder.clean_start(false).session_expiry(Duration::MAX).build().unwrap();
    client.connect().unwrap();
    let first = client.recv_timeout(WATCHDOG).unwrap();
    client.publish(Publish::new("end", "")).unwrap();
    assert!(client.recv_timeout(WATCHDOG).unwrap_err().is_disconnected());
    client.reconnect().unwrap();
    let second = client.recv_timeout(WATCHDOG).unwrap();
    assert!(!first.dup() && second.dup());
    first.acknowledge();
    second.acknowledge();
    client.publish(Publish::new("end", "")).unwrap();
    server.join();
    client.abort();
}

#[test]
fn a_handler_that_sleeps_ten_keep_alives_keeps_the_link_and_the_order() {
    const COUNT: u32 = 3000;
    let (wake, sleeping) = mpsc::channel::<()>();
    let server = Server::once(move |link| {
        link.accept();
        let payload = [0; 200];
        for number in 0..COUNT {
            let mut payload = payload;
            payload[..4].copy_from_slice(&number.to_be_bytes());
            link.publish("a", &payload, QoS::AtMostOnce, 0);
        }
        // The client does not read, but it pings all the same.
        let mut pings = 0;
        while pings < 10 {
            assert_eq!(link.expect(), "PINGREQ");
            link.send(&[0xd0, 0]);
            pings += 1;
        }
        wake.send(()).unwrap();
        link.serve();
    });
    let (seen, was_seen) = mpsc::channel();
    let mut next = 0;
    let builder = server
        .builder()
        .keep_alive(Duration::from_secs(1))
        .ping_timeout(Duration::from_secs(3))
        .queue_max(100, 1_000_000)
        .on_message(move |message| {
            if next == 0 {
                sleeping.recv_timeout(WATCHDOG).unwrap();
            }
            assert_eq!(message.payload()[..4], next_bytes(&mut next));
            if next == COUNT {
                seen.send(()).unwrap();
            }
        });
    let client = builder.build().unwrap();
    client.connect().unwrap();
    was_seen.recv_timeout(WATCHDOG).unwrap();
    assert!(client.is_connected());
    client.disconnect().unwrap();
    server.join();
}

fn next_bytes(next: &mut u32) -> [u8; 4] {
    *next += 1;
    (*next - 1).to_be_bytes()
}

#[test]
fn a_million_messages_come_in_order_in_both_ways_of_receiving() {
    const COUNT: u32 = 500_000;
    let flood = |link: &mut crate::server::Link| {
        link.accept();
        let mut many = Vec::new();
        for number in 0..COUNT {
            many.extend_from_slice(&[0x30, 8, 0, 1, b'a', 0]);
            many.extend_from_slice(&number.to_be_bytes());
        }
        link.send(&many);
        link.drain();
    };
    let server = Server::once(flood);
    let (done, finished) = mpsc::channel();
    let mut next = 0;
    let builder = server.builder().on_message(move |message| {
        assert_eq!(message.payload(), next_bytes(&mut next));
        if next == COUNT {
            done.send(()).unwrap();
        }
    });
    let client = builder.build().unwrap();
    client.connect().unwrap();
    finished.recv_timeout(WATCHDOG).unwrap();
    client.disconnect().unwrap();
    server.join();

    let server = Server::once(flood);
    let client = server.client();
    let mut next = 0;
    for message in client.messages().take(COUNT as usize) {
        assert_eq!(message.payload(), next_bytes(&mut next));
    }
    assert_eq!(next, COUNT);
    client.disconnect().unwrap();
    server.join();
}

#[test]
fn subscriptions_have_handlers_of_their_own_and_the_rest_goes_to_the_default() {
    let server = Server::once(|link| {
        link.accept_with(false, &[0x29, 0]);
        for _ in 0..3 {
            let bytes = link.next().unwrap();
            link.answer(&bytes);
        }
        for topic in ["house/attic", "house/cellar", "garden/pond", "garden/lawn", "street"] {
            link.publish(topic, b"", QoS::AtMostOnce, 0);
        }
        let bytes = link.next().unwrap();
        link.answer(&bytes);
        link.publish("house/attic", b"again", QoS::AtMostOnce, 0);
        link.drain();
    });
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let (done, finished) = mpsc::channel();
    let note = |who: &'static str| {
        let (seen, done) = (Arc::clone(&seen), done.clone());
        move |message: &mqttlink::Message| {
            seen.lock().unwrap().push(format!("{who} {}", message.topic()));
            done.send(()).unwrap();
        }
    };
    let client = server.builder().on_message(note("rest")).build().unwrap();
    client.connect().unwrap();
    let wide = Subscribe::new("house/#", QoS::AtMostOnce)
        .filter("garden/pond", QoS::AtMostOnce)
        .handler(note("wide"));
    client.subscribe(wide).unwrap().all().unwrap();
    let narrow = Subscribe::new("house/attic", QoS::AtMostOnce).handler(note("narrow"));
    client.subscribe(narrow).unwrap().all().unwrap();
    let shared = Subscribe::new("$share/g/garden/lawn", QoS::AtMostOnce).handler(note("shared"));
    client.subscribe(shared).unwrap().all().unwrap();
    for _ in 0..6 {
        finished.recv_timeout(WATCHDOG).unwrap();
    }
    client.unsubscribe(Unsubscribe::new("house/#")).unwrap().all().unwrap();
    finished.recv_timeout(WATCHDOG).unwrap();
    assert_eq!(
        *seen.lock().unwrap(),
        [
            "wide house/attic",
            "narrow house/attic",
            "wide house/cellar",
            "wide garden/pond",
            "shared garden/lawn",
            "rest street",
            "narrow house/attic",
        ]
    );
    client.disconnect().unwrap();
    server.join();
}

#[test]
fn where_subscriptions_overlap_the_servers_identifiers_tell_whose_copy_it_is() {
    let (tell, told) = mpsc::channel();
    let server = Server::once(move |link| {
        link.accept();
        let mut ids = Vec::new();
        for _ in 0..2 {
            let bytes = link.next().unwrap();
            let line = crate::server::show(&bytes, link.version);
            let (_, id) = line.split_once("subscription identifier=").expect("an identifier");
            ids.push(id.parse::<u32>().unwrap());
            link.answer(&bytes);
        }
        // One copy for each subscription, as a server may send them.
        for id in &ids {
            let mut properties = mqttlink::Properties::new();
            properties.set_u32(mqttlink::PropertyId::SubscriptionIdentifier, *id).unwrap();
            link.send_packet(&mqttlink::codec::Packet::Publish(mqttlink::codec::Publish {
                topic: "a/b",
                properties,
                ..Default::default()
            }));
        }
        tell.send(()).unwrap();
        link.drain();
    });
    let (done, finished) = mpsc::channel();
    let client = server.client();
    for (name, filter) in [("wide", "a/#"), ("narrow", "a/b")] {
        let done = done.clone();
        let subscribe =
            Subscribe::new(filter, QoS::AtMostOnce).handler(move |_| done.send(name).unwrap());
        client.subscribe(subscribe).unwrap().all().unwrap();
    }
    told.recv_timeout(WATCHDOG).unwrap();
    assert_eq!(finished.recv_timeout(WATCHDOG).unwrap(), "wide");
    assert_eq!(finished.recv_timeout(WATCHDOG).unwrap(), "narrow");
    client.disconnect().unwrap();
    drop((client, done));
    assert!(finished.recv_timeout(WATCHDOG).is_err(), "each copy goes to one handler");
    server.join();
}

#[test]
fn a_refused_filter_has_its_own_result_and_its_handler_is_dropped() {
    let server = Server::once(|link| {
        link.accept_with(false, &[0x29, 0]);
        let bytes = link.next().unwrap();
        link.send(&[0x90, 5, bytes[2], bytes[3], 0, 0x01, 0x87]);
        link.publish("b", b"", QoS::AtMostOnce, 0);
        link.drain();
    });
    let client = server.client();
    let (dropped, was_dropped) = mpsc::channel::<()>();
    let subscribe = Subscribe::new("a", QoS::ExactlyOnce)
        .filter("b", QoS::ExactlyOnce)
        .handler(move |_| dropped.send(()).unwrap());
    let subscribed = client.subscribe(subscribe).unwrap();
    let results: Vec<_> = subscribed.results().collect();
    assert_eq!(results, [Ok(QoS::AtLeastOnce), Err(ReasonCode::NotAuthorized)]);
    let error = subscribed.all().unwrap_err();
    assert_eq!(
        (error.code(), error.reason()),
        (ErrorCode::SubscribeRefused, Some(ReasonCode::NotAuthorized))
    );
    let message = client.recv_timeout(WATCHDOG).unwrap();
    assert_eq!(message.topic(), "b");
    assert!(was_dropped.try_recv().is_err(), "the handler of the refused filter is not called");
    client.disconnect().unwrap();
    server.join();
}

#[test]
fn a_payload_that_comes_in_pieces_is_read_as_a_stream() {
    const SIZE: usize = 5_000_000;
    let server = Server::once(|link| {
        link.accept();
        link.publish("large", &vec![7; SIZE], QoS::AtLeastOnce, 1);
        link.publish("small", b"s", QoS::AtMostOnce, 0);
        link.publish("large", &vec![8; SIZE], QoS::ExactlyOnce, 2);
        link.publish("small", b"s", QoS::AtMostOnce, 0);
        assert_eq!(link.expect(), "PUBACK id=1");
        assert_eq!(link.expect(), "PUBREC id=2");
        link.ack(AckKind::PubRel, 2);
        assert_eq!(link.expect(), "PUBCOMP id=2");
    });
    let client = server.builder().stream_above(100_000).build().unwrap();
    client.connect().unwrap();
    let message = client.recv_timeout(WATCHDOG).unwrap();
    assert_eq!(message.streamed_len(), Some(SIZE));
    let error = client.recv_timeout(WATCHDOG).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidState, "the payload comes first");
    let mut payload = Vec::new();
    message.reader().read_to_end(&mut payload).unwrap();
    assert!(payload.len() == SIZE && payload.iter().all(|byte| *byte == 7));
    assert_eq!(message.reader().read(&mut [0]).unwrap(), 0, "it can be read once");
    drop(message);
    assert_eq!(client.recv_timeout(WATCHDOG).unwrap().topic(), "small");
    let unread = client.recv_timeout(WATCHDOG).unwrap();
    unread.reader().read_exact(&mut [0; 10]).unwrap();
    drop(unread);
    assert_eq!(client.recv_timeout(WATCHDOG).unwrap().topic(), "small", "the rest is skipped");
    server.join();
}

#[test]
fn a_handler_reads_a_stream_and_one_that_does_not_loses_nothing_else() {
    const SIZE: usize = 3_000_000;
    let server = Server::once(|link| {
        link.accept();
        for read in [1, 0] {
            link.publish("large", &vec![read; SIZE], QoS::AtLeastOnce, 1);
            link.publish("small", b"s", QoS::AtMostOnce, 0);
            assert_eq!(link.expect(), "PUBACK id=1");
        }
        link.drain();
    });
    let (done, finished) = mpsc::channel();
    let builder = server.builder().stream_above(100_000).queue_max(1000, 500_000);
    let mut large = 0;
    let builder = builder.on_message(move |message| {
        if message.streamed_len().is_none() {
            done.send(message.topic().to_owned()).unwrap();
            return;
        }
        large += 1;
        if large == 1 {
            let mut payload = Vec::new();
            message.reader().read_to_end(&mut payload).unwrap();
            assert_eq!(payload, vec![1; SIZE]);
        }
    });
    let client = builder.build().unwrap();
    client.connect().unwrap();
    for _ in 0..2 {
        assert_eq!(finished.recv_timeout(WATCHDOG).unwrap(), "small");
    }
    drop(client);
    server.join();
}

#[test]
fn a_stream_that_breaks_off_is_an_error_and_the_message_comes_again() {
    const SIZE: usize = 1_000_000;
    let server = Server::many(|links| {
        let mut link = links.accept();
        link.accept();
        let mut bytes = Vec::new();
        let payload = vec![3; SIZE];
        let publish = mqttlink::codec::Publish {
            topic: "large",
            qos: QoS::ExactlyOnce,
            packet_id: mqttlink::codec::PacketId::new(5),
            payload: &payload,
            ..Default::default()
        };
        publish.encode(link.version, usize::MAX, &mut bytes).unwrap();
        link.send(&bytes[..SIZE / 2]);
        link.expect_start("PUBLISH");
        link.close();
        let mut link = links.accept();
        link.accept_with(true, &[]);
        bytes[0] |= 8;
        link.send(&bytes);
        assert_eq!(link.expect(), "PUBREC id=5");
        link.drain();
    });
    let builder = server.builder().stream_above(100_000).clean_start(false);
    let client = builder.session_expiry(Duration::MAX).build().unwrap();
    client.connect().unwrap();
    let message = client.recv_timeout(WATCHDOG).unwrap();
    client.publish(Publish::new("enough", "")).unwrap();
    let error = message.reader().read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionAborted);
    drop(message);
    client.reconnect().unwrap();
    let message = client.recv_timeout(WATCHDOG).unwrap();
    assert!(message.dup());
    let mut payload = Vec::new();
    message.reader().read_to_end(&mut payload).unwrap();
    assert_eq!(payload.len(), SIZE);
    drop(message);
    client.disconnect().unwrap();
    server.join();
}

#[test]
fn a_payload_is_published_from_a_reader_and_later_packets_wait_behind_it() {
    const SIZE: usize = 3_000_000;
    let server = Server::once(|link| {
        link.accept();
        let bytes = link.next().unwrap();
        assert!(bytes.len() > SIZE && bytes.ends_with(&[9; SIZE]));
        link.ack(AckKind::PubAck, u16::from_be_bytes([bytes[8], bytes[9]]));
        link.expect_start("PUBLISH topic=\"after\"");
        link.drain();
    });
    let client = server.client();
    let message = Publish::new("a", "").qos(QoS::AtLeastOnce);
    let delivery = client.publish_reader(message, SIZE, std::io::repeat(9)).unwrap();
    client.publish(Publish::new("after", "")).unwrap();
    delivery.wait().unwrap();
    client.disconnect().unwrap();
    server.join();
}

#[test]
fn a_source_that_ends_early_ends_the_connection() {
    let server = Server::once(|link| {
        link.accept();
        link.drain();
    });
    let client = server.client();
    let source = std::io::repeat(1).take(100_000);
    let error = client.publish_reader(Publish::new("a", ""), 200_000, source).unwrap_err();
    assert_eq!(error.code(), ErrorCode::PayloadSource);
    assert!(!client.is_connected());
    server.join();
}

#[test]
fn handlers_that_are_set_beforehand_get_what_waited_in_the_session() {
    let (acknowledge, acknowledged) = mpsc::channel();
    let server = Server::once(move |link| {
        link.accept_with(true, &[]);
        link.publish("a/1", b"waited", QoS::AtLeastOnce, 1);
        link.publish("b/1", b"waited", QoS::AtLeastOnce, 2);
        assert_eq!(link.expect(), "PUBACK id=1");
        assert_eq!(link.expect(), "PUBACK id=2");
        acknowledge.send(()).unwrap();
        let bytes = link.next().unwrap();
        link.answer(&bytes);
        link.publish("a/2", b"new", QoS::AtMostOnce, 0);
        link.drain();
    });
    let (seen, was_seen) = mpsc::channel();
    let note = |who: &'static str| {
        let seen = seen.clone();
        move |message: &mqttlink::Message| seen.send(format!("{who} {}", message.topic())).unwrap()
    };
    let builder = server.builder().clean_start(false);
    let builder = builder.on_filter("a/+", note("a")).on_filter("b/#", note("b"));
    let (client, _) = builder.connect().unwrap();
    for expected in ["a a/1", "b b/1"] {
        assert_eq!(was_seen.recv_timeout(WATCHDOG).unwrap(), expected);
    }
    // The acknowledgement leaves when the handler that has told is over.
    acknowledged.recv_timeout(WATCHDOG).unwrap();
    // To subscribe without a handler leaves the handler that there is.
    client.subscribe(("a/+", QoS::AtMostOnce)).unwrap().all().unwrap();
    assert_eq!(was_seen.recv_timeout(WATCHDOG).unwrap(), "a a/2");
    client.disconnect().unwrap();
    server.join();
    let error = mqttlink::Client::builder("mqtt://h").on_filter("a/#/b", |_| {}).build();
    assert_eq!(error.unwrap_err().code(), ErrorCode::InvalidFilter);
}
