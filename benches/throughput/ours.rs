//! mqttlink, publishing and receiving.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use mqttlink::{Bytes, Client, Publish, QoS, Subscribe, Version};

use crate::sink::TOPIC;
use crate::{Job, Verb};

/// How many messages of QoS 1 and 2 every library has in flight.
const WINDOW: u16 = 100;

const PATIENCE: Duration = Duration::from_secs(120);

/// A connected client with work to do.
pub(crate) struct Ours {
    job: Job,
    client: Client,
    payload: Bytes,
}

impl Ours {
    pub(crate) fn connect(job: &Job, port: u16) -> Self {
        let client = Client::builder_for("127.0.0.1", port)
            .version(Version::V3_1_1)
            .window(WINDOW)
            .keep_alive(Duration::ZERO)
            .publish_timeout(PATIENCE)
            .response_timeout(PATIENCE)
            .build()
            .expect("valid options");
        client.connect().expect("a connection");
        Self { job: job.clone(), client, payload: Bytes::from(vec![b'x'; job.size]) }
    }

    /// Does the job, and returns messages per second, or for latency the median in microseconds.
    pub(crate) fn run(&self) -> f64 {
        match self.job.verb {
            Verb::Publish => self.publish(),
            Verb::Latency => self.latency(),
            Verb::ReceiveHandler => self.receive_handler(),
            Verb::Receive => self.receive(),
        }
    }

    fn qos(&self) -> QoS {
        QoS::from_u8(self.job.qos).expect("0, 1 or 2")
    }

    fn publish(&self) -> f64 {
        let (client, payload, qos) = (&self.client, &self.payload, self.qos());
        let start = Instant::now();
        for _ in 0..self.job.count {
            // A small payload is borrowed, a large one shared: what a program would do.
            let message = if self.job.size < 4096 {
                Publish::new(TOPIC, &payload[..])
            } else {
                Publish::new(TOPIC, payload.clone())
            };
            client.publish(message.qos(qos)).expect("room in time");
        }
        // The acknowledgement of one more proves that all have arrived.
        let last = Publish::new(TOPIC, "").qos(QoS::AtLeastOnce);
        client.publish(last).expect("room in time").wait().expect("an acknowledgement");
        self.job.rate(start.elapsed())
    }

    fn latency(&self) -> f64 {
        let mut times: Vec<Duration> = (0..self.job.count)
            .map(|_| {
                let start = Instant::now();
                let message = Publish::new(TOPIC, &self.payload[..]).qos(QoS::AtLeastOnce);
                self.client.publish(message).expect("room").wait().expect("an acknowledgement");
                start.elapsed()
            })
            .collect();
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64() * 1e6
    }

    fn receive_handler(&self) -> f64 {
        let (done, finished) = mpsc::channel();
        let mut start = None;
        let (mut seen, job) = (0, self.job.clone());
        let subscribe = Subscribe::new(TOPIC, self.qos()).handler(move |message| {
            assert_eq!(message.payload().len(), job.size);
            let start = *start.get_or_insert_with(Instant::now);
            seen += 1;
            if seen == job.count {
                done.send(job.rate(start.elapsed())).expect("somebody waits");
            }
        });
        self.client.subscribe(subscribe).expect("an answer").all().expect("a subscription");
        finished.recv_timeout(PATIENCE).expect("all messages")
    }

    fn receive(&self) -> f64 {
        let subscribed = self.client.subscribe((TOPIC, self.qos()));
        subscribed.expect("an answer").all().expect("a subscription");
        let mut start = None;
        for _ in 0..self.job.count {
            let message = self.client.recv_timeout(PATIENCE).expect("a message");
            assert_eq!(message.payload().len(), self.job.size);
            start.get_or_insert_with(Instant::now);
        }
        self.job.rate(start.expect("a message").elapsed())
    }
}
