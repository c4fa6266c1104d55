//! mqttlink, publishing and receiving.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use mqttlink::{Bytes, Client, Publish, QoS, Subscribe, Version};

use crate::sink::TOPIC;
use crate::{Job, Verb};

/// How many messages of QoS 1 and 2 every library has in flight.
const WINDOW: u16 = 100;

const PATIENCE: Duration = Duration::from_secs(120);

/// Does the job and returns messages per second, or for latency the median in microseconds.
pub(crate) fn run(job: &Job, port: u16) -> f64 {
    let client = Client::builder_for("127.0.0.1", port)
        .version(Version::V3_1_1)
        .window(WINDOW)
        .keep_alive(Duration::ZERO)
        .publish_timeout(PATIENCE)
        .response_timeout(PATIENCE)
        .build()
        .expect("valid options");
    match job.verb {
        Verb::Publish => publish(job, &client),
        Verb::Latency => latency(job, &client),
        Verb::ReceiveHandler => receive_handler(job, &client),
        Verb::Receive => receive(job, &client),
    }
}

fn qos(job: &Job) -> QoS {
    QoS::from_u8(job.qos).expect("0, 1 or 2")
}

fn publish(job: &Job, client: &Client) -> f64 {
    client.connect().expect("a connection");
    let payload = Bytes::from(vec![b'x'; job.size]);
    let qos = qos(job);
    let start = Instant::now();
    for _ in 0..job.count {
        // A small payload is borrowed, a large one shared: what a program would do.
        let message = if job.size < 4096 {
            Publish::new(TOPIC, &payload[..])
        } else {
            Publish::new(TOPIC, payload.clone())
        };
        client.publish(message.qos(qos)).expect("room in time");
    }
    // The acknowledgement of one more proves that all have arrived.
    let last = Publish::new(TOPIC, "").qos(QoS::AtLeastOnce);
    client.publish(last).expect("room in time").wait().expect("an acknowledgement");
    let rate = job.rate(start.elapsed());
    client.disconnect().expect("a connection to end");
    rate
}

fn latency(job: &Job, client: &Client) -> f64 {
    client.connect().expect("a connection");
    let payload = vec![b'x'; job.size];
    let mut times: Vec<Duration> = (0..job.count)
        .map(|_| {
            let start = Instant::now();
            let message = Publish::new(TOPIC, &payload).qos(QoS::AtLeastOnce);
            client.publish(message).expect("room").wait().expect("an acknowledgement");
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    client.disconnect().expect("a connection to end");
    times[times.len() / 2].as_secs_f64() * 1e6
}

fn receive_handler(job: &Job, client: &Client) -> f64 {
    client.connect().expect("a connection");
    let (done, finished) = mpsc::channel();
    let mut start = None;
    let (mut seen, job_) = (0, job.clone());
    let subscribe = Subscribe::new(TOPIC, qos(job)).handler(move |message| {
        assert_eq!(message.payload().len(), job_.size);
        let start = *start.get_or_insert_with(Instant::now);
        seen += 1;
        if seen == job_.count {
            done.send(job_.rate(start.elapsed())).expect("somebody waits");
        }
    });
    client.subscribe(subscribe).expect("an answer").all().expect("a subscription");
    finished.recv_timeout(PATIENCE).expect("all messages")
}

fn receive(job: &Job, client: &Client) -> f64 {
    client.connect().expect("a connection");
    client.subscribe((TOPIC, qos(job))).expect("an answer").all().expect("a subscription");
    let mut start = None;
    for _ in 0..job.count {
        let message = client.recv_timeout(PATIENCE).expect("a message");
        assert_eq!(message.payload().len(), job.size);
        start.get_or_insert_with(Instant::now);
    }
    job.rate(start.expect("a message").elapsed())
}
