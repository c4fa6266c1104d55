//! A client that comes and goes while retained messages are on their way to it, and messages are
//! published at random: it is given every message once, and those of a topic in order.

use std::collections::BTreeMap;

use mqttlink::codec::{AckKind, Packet, frame};
use mqttlink::{Publish, QoS, SubscribeOptions};

use crate::world::{Client, V5, World};

struct Run {
    world: World,
    state: u64,
    client: Option<Client>,
    /// Not acknowledged on this connection.
    open: Vec<u16>,
    /// What it has got, by topic, repetitions left out.
    got: BTreeMap<String, Vec<u32>>,
    /// The last message of a topic that the client must be given.
    last: BTreeMap<String, u32>,
    retained: BTreeMap<String, u32>,
    /// What was retained when it subscribed, and not replaced since.
    owed: BTreeMap<String, u32>,
    published: u32,
    subscribed: bool,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut world = World::with(|config| config.protocol.window = 2);
        let client = Some(world.connect_lasting(V5, "a"));
        let (got, last, retained, owed) = Default::default();
        let (open, published, subscribed) = (Vec::new(), 0, false);
        let state = seed;
        Self { world, state, client, open, got, last, retained, owed, published, subscribed }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.state >> 33) % bound
    }

    fn publish(&mut self) {
        let topic = format!("t/{}", self.below(8));
        let retain = self.below(2) == 0;
        self.published += 1;
        let payload = self.published.to_string();
        let message = Publish::new(&topic, &payload).qos(QoS::AtLeastOnce).retain(retain);
        self.world.core.publish(self.world.now, &message).unwrap();
        self.world.pump();
        if retain {
            self.retained.insert(topic.clone(), self.published);
            self.owed.remove(&topic);
        }
        if self.subscribed {
            self.last.insert(topic, self.published);
        }
    }

    fn subscribe(&mut self) {
        let Some(client) = self.client.filter(|_| !self.subscribed) else { return };
        self.world.subscribe(client, "t/#", SubscribeOptions::from(QoS::AtLeastOnce));
        self.subscribed = true;
        self.last = self.retained.clone();
        self.owed = self.retained.clone();
    }

    fn read(&mut self) {
        let Some(client) = self.client else { return };
        while let Some(bytes) = self.world.next_bytes(client) {
            let frame = frame::parse(&bytes, V5, usize::MAX).unwrap().unwrap();
            let Packet::Publish(publish) = Packet::decode(&frame, V5).unwrap() else { continue };
            self.open.push(publish.packet_id.unwrap().get());
            let number = std::str::from_utf8(publish.payload).unwrap().parse().unwrap();
            let all = self.got.entry(publish.topic.to_owned()).or_default();
            if publish.dup && all.contains(&number) {
                continue;
            }
            assert!(all.last().is_none_or(|last| *last < number), "{number} after {all:?}");
            all.push(number);
        }
    }

    fn acknowledge(&mut self) {
        self.read();
        let Some(client) = self.client.filter(|_| !self.open.is_empty()) else { return };
        let id = self.open.remove(0);
        self.world.ack(client, AckKind::PubAck, id);
    }

    /// The link breaks, or is there again; on the way it may be another one that takes its place.
    fn come_or_go(&mut self) {
        self.read();
        let takes_over = self.below(2) == 0;
        self.open.clear();
        match self.client {
            Some(client) if !takes_over => {
                self.world.cut(client);
                self.client = None;
            }
            _ => self.client = Some(self.world.connect_lasting(V5, "a")),
        }
    }
}

#[test]
fn every_message_comes_once_and_in_the_order_of_its_topic() {
    for seed in 0..500 {
        let mut run = Run::new(seed);
        for _ in 0..80 {
            match run.below(10) {
                0 => run.come_or_go(),
                1 => run.subscribe(),
                2..=4 => run.acknowledge(),
                _ => run.publish(),
            }
        }
        while run.client.is_none() {
            run.come_or_go();
        }
        run.subscribe();
        run.read();
        while !run.open.is_empty() {
            run.acknowledge();
            run.read();
        }
        let last = run.got.iter().map(|(topic, all)| (topic.clone(), *all.last().unwrap()));
        assert_eq!(last.collect::<BTreeMap<_, _>>(), run.last, "seed {seed}");
        for (topic, number) in &run.owed {
            assert!(run.got[topic].contains(number), "seed {seed}: {number} to {topic} is lost");
        }
        let statistics = run.world.core.statistics(run.world.now);
        assert_eq!((statistics.retained_unsent, statistics.queued_messages), (0, 0));
    }
}
