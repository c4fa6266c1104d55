//! mosquitto and the embedded broker: messages of each QoS in each version, from and to mosquitto's
//! own tools, small and large.

use std::io::Write;

use mqttlink::{Client, Publish, QoS, Unsubscribe, Version};

use crate::harness::{
    Process, QUALITIES, Settings, TempDir, VERSIONS, Which, next, noise, on_each_server,
};

on_each_server! {
    each_qos_in_each_version
    mosquitto_sub_receives_what_is_published
    mosquitto_pub_is_received
    megabytes_go_both_ways
    a_large_payload_is_read_as_a_stream
    thousands_of_messages_keep_their_order
}

/// What `mosquitto_pub -V` calls a version.
fn option(version: Version) -> &'static str {
    match version {
        Version::V3_1 => "mqttv31",
        Version::V3_1_1 => "mqttv311",
        _ => "mqttv5",
    }
}

/// Publishes to itself at each pair of publish and subscription QoS.
fn exchange(client: &Client) {
    for subscribed in QUALITIES {
        let granted = client.subscribe(("x/+/y", subscribed)).unwrap().all().unwrap();
        assert_eq!(granted, [subscribed]);
        for published in QUALITIES {
            let payload = [subscribed.number(), 0, 0xff, published.number()];
            let message = Publish::new("x/ü/y", &payload).qos(published);
            client.publish(message).unwrap().wait().unwrap();
            let message = next(client);
            assert_eq!((message.topic(), message.payload()), ("x/ü/y", &payload[..]));
            assert_eq!(message.qos(), published.min(subscribed));
            assert!(!message.retain() && !message.dup());
        }
    }
    client.unsubscribe(Unsubscribe::new("x/+/y")).unwrap().all().unwrap();
    assert!(client.disconnect().unwrap().is_complete());
}

fn each_qos_in_each_version(which: Which) {
    let mut broker = which.start();
    for version in VERSIONS {
        let (client, granted) = broker.builder().version(version).connect().unwrap();
        assert_eq!((granted.version, granted.session_present), (version, false));
        exchange(&client);
    }
    broker.peer.stop();
    // A clean goodbye, and no complaint about what was sent.
    assert_eq!((broker.peer.goodbyes(), broker.peer.complaints()), (3, vec![]));
}

fn mosquitto_sub_receives_what_is_published(which: Which) {
    let broker = which.start();
    for version in VERSIONS {
        let id = format!("sub-{}", option(version));
        let format = "%t|%q|%x;";
        let arguments =
            ["-V", option(version), "-t", "#", "-q", "2", "-C", "3", "-F", format, "-N"];
        let mut subscriber = broker.subscriber(&id, &arguments);
        let (client, _) = broker.builder().version(version).connect().unwrap();
        for qos in QUALITIES {
            let payload = [0, 0xff, b'\n', qos.number()];
            let message = Publish::new("to/sub", &payload).qos(qos);
            client.publish(message).unwrap().wait().unwrap();
        }
        let printed = String::from_utf8(subscriber.succeed()).unwrap();
        let lines: Vec<&str> = printed.split_terminator(';').map(str::trim).collect();
        assert_eq!(lines, ["to/sub|0|00ff0a00", "to/sub|1|00ff0a01", "to/sub|2|00ff0a02"]);
    }
}

fn mosquitto_pub_is_received(which: Which) {
    let broker = which.start();
    let directory = TempDir::new();
    let file = directory.file("payload");
    let payload = noise(1000);
    std::fs::File::create(&file).unwrap().write_all(&payload).unwrap();
    let (client, _) = broker.builder().version(Version::V3_1_1).connect().unwrap();
    client.subscribe(("from/pub", QoS::ExactlyOnce)).unwrap().all().unwrap();
    for version in VERSIONS {
        for qos in ["0", "1", "2"] {
            let arguments = ["-V", option(version), "-t", "from/pub", "-q", qos, "-f", &file];
            Process::run(&mut broker.tool("mosquitto_pub", &arguments));
            let message = next(&client);
            assert_eq!(message.qos().number().to_string(), qos);
            assert_eq!(message.payload(), payload);
        }
    }
}

fn megabytes_go_both_ways(which: Which) {
    let broker = which.start();
    let payload = noise(8_000_000);
    let arguments = ["-V", "mqttv5", "-t", "large", "-q", "2", "-C", "2", "-N"];
    let mut subscriber = broker.subscriber("sub", &arguments);
    let client = broker.client("large");
    client.subscribe(("large", QoS::AtLeastOnce)).unwrap().all().unwrap();
    let message = Publish::new("large", &payload).qos(QoS::ExactlyOnce);
    client.publish(message).unwrap().wait().unwrap();
    assert!(next(&client).payload() == payload);
    let message = Publish::new("large", "").qos(QoS::AtLeastOnce);
    client.publish_reader(message, payload.len(), &payload[..]).unwrap().wait().unwrap();
    assert!(next(&client).payload() == payload);
    assert!(subscriber.succeed() == [&payload[..], &payload[..]].concat());
}

fn a_large_payload_is_read_as_a_stream(which: Which) {
    let broker = which.start();
    let payload = noise(5_000_000);
    let builder = broker.builder().stream_above(1_000_000);
    let (client, _) = builder.connect().unwrap();
    for qos in QUALITIES {
        client.subscribe(("stream", qos)).unwrap().all().unwrap();
        let delivery = client.publish(Publish::new("stream", &payload).qos(qos)).unwrap();
        let message = next(&client);
        assert_eq!(message.streamed_len(), Some(payload.len()));
        let mut read = Vec::new();
        std::io::copy(&mut message.reader(), &mut read).unwrap();
        assert!(read == payload);
        drop(message);
        delivery.wait().unwrap();
    }
}

fn thousands_of_messages_keep_their_order(which: Which) {
    const COUNT: u32 = 2000;
    // So much waits in the broker when it is faster than the client.
    let broker = which.with(&Settings { queued_messages: Some(100_000), ..Settings::default() });
    for version in VERSIONS {
        for qos in QUALITIES {
            let (client, _) = broker.builder().version(version).connect().unwrap();
            client.subscribe(("order", qos)).unwrap().all().unwrap();
            let sender = client.clone();
            let sending = std::thread::spawn(move || {
                let publish = |number: u32| {
                    let payload = number.to_be_bytes();
                    sender.publish(Publish::new("order", &payload).qos(qos)).unwrap()
                };
                let deliveries: Vec<_> = (0..COUNT).map(publish).collect();
                deliveries.iter().for_each(|delivery| drop(delivery.wait().unwrap()));
            });
            for number in 0..COUNT {
                let message = next(&client);
                assert_eq!(message.payload(), number.to_be_bytes(), "{version} {qos}");
            }
            sending.join().unwrap();
            assert!(client.disconnect().unwrap().is_complete());
        }
    }
}
