//! Any call, any thread: many threads on shared clients while the link is cut again and again.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use mqttlink::{Client, DisconnectOptions, Publish, QoS, Subscribe, Unsubscribe};

use crate::server::{Server, WATCHDOG};

/// How long the storm lasts; `MQTTLINK_STORM_SECONDS` makes it longer.
fn duration() -> Duration {
    let seconds = std::env::var("MQTTLINK_STORM_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(3))
}

/// A small generator of numbers that look random and can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// Accepts connections and serves each on a thread of its own; after some packets it hangs up.
fn moody_server(stop: Arc<AtomicBool>) -> Server {
    Server::many(move |links| {
        let mut seed = 1;
        loop {
            let mut link = links.accept();
            seed += 1;
            if stop.load(Ordering::SeqCst) {
                return;
            }
            thread::spawn(move || {
                let mut dice = Dice(seed);
                let packets = 5 + dice.roll(200);
                let mut bytes = 0_usize;
                link.stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
                let Some(first) = link.next() else { return };
                bytes += first.len();
                link.send(&[0x20, 3, 0, 0, 0]);
                for number in 0..packets {
                    let Some(packet) = link.next() else { return };
                    bytes += packet.len();
                    link.answer(&packet);
                    if number % 7 == 0 {
                        let qos = QoS::from_u8((number % 3) as u8).unwrap();
                        let id = if qos == QoS::AtMostOnce { 0 } else { 1 + number as u16 };
                        link.publish("storm/wind", b"gust", qos, id);
                    }
                }
                // Hangs up in the middle of a packet.
                link.send(&[0x30, 100, 0, (bytes % 7) as u8]);
                link.close();
            });
        }
    })
}

fn one_call(client: &Client, dice: &mut Dice) {
    let qos = QoS::from_u8(dice.roll(3) as u8).unwrap();
    match dice.roll(14) {
        0..=4 => drop(client.publish_timeout(
            Publish::new("storm/rain", "drop").qos(qos),
            Duration::from_millis(50),
        )),
        5 => {
            if let Ok(delivery) = client.try_publish(Publish::new("storm/rain", "drop").qos(qos)) {
                let _ = delivery.wait_timeout(Duration::from_millis(dice.roll(50)));
            }
        }
        6 => drop(client.publish_then(Publish::new("storm/rain", "drop").qos(qos), |_| {})),
        7 => drop(client.subscribe(Subscribe::new("storm/#", qos).handler(|message| {
            if let Some(client) = message.client() {
                let _ = client.try_publish(Publish::new("storm/echo", message.payload()));
            }
        }))),
        8 => drop(client.unsubscribe(Unsubscribe::new("storm/#"))),
        9 => drop(client.recv_timeout(Duration::from_millis(dice.roll(20)))),
        10 => drop(client.reconnect()),
        11 => drop(client.connect()),
        12 => match dice.roll(3) {
            0 => client.abort(),
            1 => drop(client.disconnect_with(&DisconnectOptions::new().drain(Duration::ZERO))),
            _ => drop(
                client.disconnect_with(&DisconnectOptions::new().drain(Duration::from_millis(20))),
            ),
        },
        _ => {
            let _ = (client.statistics(), client.status(), client.granted(), client.last_error());
        }
    }
}

#[test]
fn a_storm_of_calls_from_many_threads_on_clients_that_come_and_go() {
    let stop = Arc::new(AtomicBool::new(false));
    let server = moody_server(Arc::clone(&stop));
    let end = Instant::now() + duration();
    let make = {
        let address = server.address;
        move || {
            Client::builder_for("127.0.0.1", address.port())
                .client_id("storm")
                .response_timeout(Duration::from_millis(500))
                .connect_timeout(Duration::from_secs(2))
                .drain_timeout(Duration::from_millis(50))
                .on_event(|_| {})
                .build()
                .unwrap()
        }
    };
    let slots: Vec<Mutex<Client>> = (0..3).map(|_| Mutex::new(make())).collect();
    let calls = AtomicUsize::new(0);
    thread::scope(|scope| {
        for number in 0..8 {
            let (slots, calls, make) = (&slots, &calls, &make);
            scope.spawn(move || {
                let mut dice = Dice(1000 + number);
                let enough = || calls.load(Ordering::Relaxed) > 100;
                while Instant::now() < end || (!enough() && Instant::now() < end + WATCHDOG) {
                    let slot = &slots[dice.roll(3) as usize];
                    let client = slot.lock().unwrap().clone();
                    if dice.roll(60) == 0 {
                        let old = std::mem::replace(&mut *slot.lock().unwrap(), make());
                        drop(old);
                    }
                    one_call(&client, &mut dice);
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let took = Instant::now().saturating_duration_since(end);
    assert!(took < 2 * WATCHDOG, "a call was stuck for {took:?}");
    assert!(calls.load(Ordering::Relaxed) > 100);
    drop(slots);
    stop.store(true, Ordering::SeqCst);
    let _ = std::net::TcpStream::connect(server.address);
    server.join();
}
