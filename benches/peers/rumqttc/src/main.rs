//! rumqttc, doing the benchmark's jobs: `bench-rumqttc PORT VERB QOS SIZE COUNT`.

use std::thread;
use std::time::{Duration, Instant};

use rumqttc::{Client, Event, Incoming, MqttOptions, QoS};

const TOPIC: &str = "bench/topic";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| -> usize { arguments[index].parse().expect("a number") };
    let (verb, size, count) = (arguments[1].as_str(), number(3), number(4));
    let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][number(2)];
    let mut options = MqttOptions::new("bench", "127.0.0.1", arguments[0].parse().expect("a port"));
    options.set_keep_alive(Duration::from_secs(60));
    options.set_inflight(100);
    options.set_max_packet_size(16 * 1024 * 1024, 16 * 1024 * 1024);
    let (client, mut connection) = Client::new(options, 1000);
    let payload = vec![b'x'; size];
    let mut events = connection.iter().map(|event| event.expect("a connection"));
    match verb {
        "publish" => {
            let start = Instant::now();
            let sender = thread::spawn(move || {
                for _ in 0..count {
                    client.publish(TOPIC, qos, false, payload.clone()).expect("room");
                }
                client.publish(TOPIC, QoS::AtLeastOnce, false, "").expect("room");
            });
            let mut acks = if qos == QoS::AtMostOnce { 1 } else { count + 1 };
            while acks > 0 {
                if let Event::Incoming(Incoming::PubAck(_) | Incoming::PubComp(_)) =
                    events.next().expect("an event")
                {
                    acks -= 1;
                }
            }
            println!("{}", count as f64 / start.elapsed().as_secs_f64());
            sender.join().expect("the sender ends");
        }
        "latency" => {
            let mut times = Vec::with_capacity(count);
            let wait = |events: &mut dyn Iterator<Item = Event>, acknowledged: bool| loop {
                match events.next().expect("an event") {
                    Event::Incoming(Incoming::PubAck(_)) if acknowledged => return,
                    Event::Incoming(Incoming::ConnAck(_)) if !acknowledged => return,
                    _ => {}
                }
            };
            wait(&mut events, false);
            for _ in 0..count {
                let start = Instant::now();
                client.publish(TOPIC, QoS::AtLeastOnce, false, payload.clone()).expect("room");
                wait(&mut events, true);
                times.push(start.elapsed().as_secs_f64() * 1e6);
            }
            times.sort_unstable_by(f64::total_cmp);
            println!("{}", times[count / 2]);
        }
        _ => {
            client.subscribe(TOPIC, qos).expect("room");
            let (mut received, mut start) = (0, None);
            while received < count {
                if let Event::Incoming(Incoming::Publish(_)) = events.next().expect("an event") {
                    start.get_or_insert_with(Instant::now);
                    received += 1;
                }
            }
            let elapsed = start.expect("a message").elapsed();
            println!("{}", count as f64 / elapsed.as_secs_f64());
        }
    }
    std::process::exit(0);
}
