//! The program that uses the client.

use mqttlink::proto::{Event, Publish, PublishOutcome, StreamId, Token};

use super::Scenario;
use super::server::TOPIC;
use crate::peer::{Peer, Received};

/// It publishes as soon as it can, and finishes with what it receives.
pub(super) struct Application {
    scenario: Scenario,
    pub(super) published: u8,
    /// The message of whose payload only the first byte was given.
    open: Option<(StreamId, u8)>,
    pub(super) outcomes: Vec<Option<PublishOutcome>>,
    /// What it has received, by connection.
    pub(super) received: Vec<Vec<u8>>,
    /// Messages that it has not finished with.
    held: Vec<Received>,
}

impl Application {
    pub(super) fn new(scenario: Scenario) -> Self {
        let outcomes = vec![None; scenario.count(scenario.published)];
        Self {
            scenario,
            published: 0,
            open: None,
            outcomes,
            received: Vec::new(),
            held: Vec::new(),
        }
    }

    /// A new connection begins.
    pub(super) fn reconnect(&mut self) {
        self.open = None;
        self.received.push(Vec::new());
    }

    pub(super) fn step(&mut self, peer: &mut Peer) {
        for message in std::mem::take(&mut self.held) {
            peer.acknowledge(&message);
        }
        self.held = peer.messages();
        assert!(self.held.iter().all(|message| message.topic == TOPIC));
        let numbers = self.held.iter().map(|message| message.payload[0]);
        self.received.last_mut().expect("a connection").extend(numbers);
        if !self.scenario.late {
            for message in std::mem::take(&mut self.held) {
                peer.acknowledge(&message);
            }
        }
        self.look_at_events(peer);
        self.publish(peer);
    }

    /// Tokens count from 1, messages from 0.
    fn look_at_events(&mut self, peer: &mut Peer) {
        for event in peer.events() {
            match event {
                Event::Published { token, outcome } => {
                    let place = usize::try_from(token.0).expect("small") - 1;
                    let before = self.outcomes[place].replace(outcome);
                    assert_eq!(before, None, "one outcome for each message");
                }
                Event::Connected(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn publish(&mut self, peer: &mut Peer) {
        if let Some((stream, number)) = self.open.take() {
            peer.client.publish_chunk(stream, vec![number].into()).expect("it was announced");
        }
        while self.open.is_none() && usize::from(self.published) < self.outcomes.len() {
            let number = self.published;
            let payload = [number];
            let qos = self.scenario.qos(self.scenario.published, number);
            let request = Publish::new(TOPIC, &payload).qos(qos);
            let token = Token(u64::from(number) + 1);
            let result = if self.scenario.streamed {
                let result = peer.client.publish_stream(peer.now, &request, 2, token);
                result.map(|(_, stream)| Some(stream))
            } else {
                peer.client.publish(peer.now, &request, token).map(|_| None)
            };
            let Ok(stream) = result else { break };
            self.published += 1;
            if let Some(stream) = stream {
                let chunk = vec![number].into();
                peer.client.publish_chunk(stream, chunk).expect("it was announced");
                self.open = Some((stream, number));
            }
        }
        peer.pump();
    }
}
