//! The client library against the broker, over sockets and through memory.

use std::collections::HashSet;
use std::time::Duration;

use mqttlink::broker::Broker;
use mqttlink::{Client, Publish, QoS, Subscribe, SubscribeOptions, Version, Will};

const PATIENCE: Duration = Duration::from_secs(60);

/// A broker, and a client's builder for each way to it.
fn ways(broker: &Broker) -> Vec<mqttlink::Builder> {
    let port = broker.address().unwrap().port();
    vec![Client::builder_for("127.0.0.1", port), Client::builder_in_process(&broker.connector())]
}

fn broker() -> Broker {
    Broker::builder().listen("127.0.0.1:0").start().unwrap()
}

#[test]
fn messages_of_every_size_and_qos_come_through() {
    let broker = broker();
    for version in Version::ALL {
        for (way, builder) in ways(&broker).into_iter().enumerate() {
            let (client, _) = builder.version(version).connect().unwrap();
            let _ = client.subscribe(Subscribe::new("size/#", QoS::ExactlyOnce)).unwrap();
            for qos in QoS::ALL {
                for len in [0, 1, 127, 4095, 4096, 70_000, 1_900_000] {
                    let payload = vec![len as u8; len];
                    let message = Publish::new("size/x", payload.clone()).qos(qos);
                    let delivery = client.publish(message).unwrap();
                    let message = client.recv_timeout(PATIENCE).unwrap();
                    assert_eq!(message.payload().len(), len, "way {way}, {version}, {qos}");
                    assert!(message.payload() == payload && message.qos() == qos);
                    delivery.wait().unwrap();
                }
            }
        }
    }
}

#[test]
fn a_flood_arrives_whole_and_in_order() {
    let broker = broker();
    for (way, qos) in [(0, QoS::AtLeastOnce), (1, QoS::AtLeastOnce), (0, QoS::ExactlyOnce)] {
        let subscriber = ways(&broker).remove(way).connect().unwrap().0;
        let publisher = ways(&broker).remove(way).drain_timeout(PATIENCE).connect().unwrap().0;
        let _ = subscriber.subscribe(Subscribe::new("flood", qos)).unwrap();
        let count = 20_000;
        let thread = std::thread::spawn(move || {
            for number in 0..count {
                publisher.publish(Publish::new("flood", number.to_string()).qos(qos)).unwrap();
            }
            publisher.disconnect().unwrap()
        });
        for number in 0..count {
            let message = subscriber.recv_timeout(PATIENCE).unwrap();
            assert_eq!(message.payload(), number.to_string().as_bytes());
        }
        assert!(thread.join().unwrap().is_complete());
    }
}

#[test]
fn a_session_goes_on_over_either_way() {
    let broker = broker();
    let lasting = |way: usize| {
        let builder = ways(&broker).remove(way).client_id("lasting").clean_start(false);
        builder.session_expiry(Duration::from_secs(3600)).connect().unwrap()
    };
    let (client, granted) = lasting(0);
    assert!(!granted.session_present);
    let _ = client.subscribe(Subscribe::new("kept", QoS::ExactlyOnce)).unwrap();
    client.disconnect().unwrap();
    broker.publish(&Publish::new("kept", "m").qos(QoS::ExactlyOnce)).unwrap();
    let (client, granted) = lasting(1);
    assert!(granted.session_present);
    assert_eq!(client.recv_timeout(PATIENCE).unwrap().payload(), b"m");
}

#[test]
fn wills_retained_messages_and_response_properties_work_end_to_end() {
    let broker = broker();
    let [first, second] = <[_; 2]>::try_from(ways(&broker)).unwrap_or_else(|_| panic!("two"));
    let (watcher, _) = first.connect().unwrap();
    let _ = watcher.subscribe(Subscribe::new("status/#", QoS::AtLeastOnce)).unwrap();
    let will = Will::new("status/a", "gone").retain(true);
    let (client, _) = second.client_id("a").will(will).connect().unwrap();
    let ask = Publish::new("status/b", "?").response_topic("answer").correlation_data(b"1");
    client.publish(ask.user_property("k", "v")).unwrap();
    let message = watcher.recv_timeout(PATIENCE).unwrap();
    assert_eq!(message.response_topic(), Some("answer"));
    drop(client);
    assert_eq!(watcher.recv_timeout(PATIENCE).unwrap().payload(), b"gone");
    let late = broker.subscribe("status/+").unwrap();
    assert_eq!(late.recv(PATIENCE).unwrap().payload(), b"gone");
}

#[test]
fn the_program_publishes_and_subscribes_without_a_client() {
    let broker = broker();
    let all = broker.subscribe("#").unwrap();
    let (client, _) = ways(&broker).remove(1).connect().unwrap();
    let options = SubscribeOptions { qos: QoS::AtLeastOnce, ..SubscribeOptions::default() };
    let _ = client.subscribe(Subscribe::new("to/client", options)).unwrap();
    broker.publish(&Publish::new("to/client", "hello").qos(QoS::AtLeastOnce)).unwrap();
    assert_eq!(client.recv_timeout(PATIENCE).unwrap().payload(), b"hello");
    client.publish(Publish::new("to/broker", "hi")).unwrap();
    assert_eq!(all.recv(PATIENCE).unwrap().topic(), "to/client");
    assert_eq!(all.recv(PATIENCE).unwrap().topic(), "to/broker");
    assert!(broker.publish(&Publish::new("a/#", "m")).is_err());
    assert!(broker.subscribe("a/#/b").is_err());
    drop(all);
    assert_eq!(broker.statistics().unwrap().subscriptions, 1);
}

#[test]
fn shared_subscriptions_divide_the_work() {
    let broker = broker();
    let port = broker.address().unwrap().port();
    let workers: Vec<Client> = (0..3)
        .map(|_| {
            let (client, _) = Client::builder_for("127.0.0.1", port).connect().unwrap();
            let filter = Subscribe::new("$share/work/jobs", QoS::AtLeastOnce);
            let _ = client.subscribe(filter).unwrap();
            client
        })
        .collect();
    for number in 0..30 {
        let job = Publish::new("jobs", vec![number]).qos(QoS::AtLeastOnce);
        broker.publish(&job).unwrap();
    }
    for (index, worker) in workers.iter().enumerate() {
        for turn in 0..10 {
            let message = worker.recv_timeout(PATIENCE).unwrap();
            assert_eq!(message.payload(), [turn * 3 + index as u8]);
        }
    }
}

#[test]
fn the_program_is_given_more_retained_messages_than_may_wait() {
    const COUNT: usize = 70_000;
    let broker = broker();
    for number in 0..COUNT {
        broker.publish(&Publish::new(&format!("t/{number}"), "m").retain(true)).unwrap();
    }
    let subscription = broker.subscribe("t/#").unwrap();
    let topics: HashSet<_> =
        (0..COUNT).map(|_| subscription.recv(PATIENCE).unwrap().topic().to_owned()).collect();
    assert_eq!(topics.len(), COUNT);
    assert_eq!(subscription.try_recv().map(|message| message.topic().to_owned()), None);
    assert_eq!(broker.statistics().unwrap().drops.local, 0);
}
