//! The link breaks after every single byte of an exchange, in either direction. Whatever was on its
//! way, no message is lost, the order holds, and at QoS 2 none comes twice. In MQTT 5.0 both sides
//! use a topic alias, which is not to outlive its connection.

mod application;
mod link;
mod server;

use mqttlink::QoS;
use mqttlink::codec::Version;
use mqttlink::proto::{Config, DropReason, PublishOutcome};

use crate::peer::Peer;
use crate::script::resumable;
use application::Application;
use link::{Cut, Link};
use server::{Server, WINDOW};

/// More than are in flight at a time.
const MESSAGES: u8 = 5;
/// The length of a payload that is received in pieces.
const STREAMED_LEN: usize = 4;

/// What happens beside the cut.
#[derive(Debug, Clone, Copy)]
struct Scenario {
    version: Version,
    /// The QoS of the messages that the client publishes, one after the other and over again.
    published: &'static [QoS],
    /// The QoS of the messages that it receives.
    received: &'static [QoS],
    /// Whether the server still has the session when the client comes back.
    session_kept: bool,
    /// Whether the application finishes with a message only when the next input has come.
    late: bool,
    /// Whether payloads are published, and received, in pieces.
    streamed: bool,
}

const ONE: &[QoS] = &[QoS::AtLeastOnce];
const TWO: &[QoS] = &[QoS::ExactlyOnce];
const MIXED: &[QoS] = &[QoS::ExactlyOnce, QoS::AtLeastOnce];

impl Scenario {
    fn count(self, kinds: &[QoS]) -> usize {
        if kinds.is_empty() { 0 } else { usize::from(MESSAGES) }
    }

    fn qos(self, kinds: &[QoS], number: u8) -> QoS {
        kinds[usize::from(number) % kinds.len()]
    }

    /// Runs the exchange over connections with these cuts and one more without. Returns how many
    /// bytes the first connection carried from the client and from the server.
    fn run(self, cuts: &[Cut]) -> (usize, usize) {
        let _told_on_panic = Told { scenario: self, cuts };
        let mut config = Config::default();
        config.window = Some(u16::try_from(WINDOW).expect("small"));
        config.topic_aliases = 1;
        config.stream_above = self.streamed.then_some(STREAMED_LEN - 1);
        let mut peer = Peer::idle(config);
        let payload_len = if self.streamed { STREAMED_LEN } else { 1 };
        let mut server = Server::new(self.version, self.session_kept, payload_len);
        for number in 0..self.count(self.received) {
            let number = u8::try_from(number).expect("small");
            server.publish(self.qos(self.received, number), number);
        }
        let mut application = Application::new(self);
        let mut carried = None;
        for cut in cuts.iter().copied().chain([Cut::Never]) {
            let link = self.connection(&mut peer, &mut server, &mut application, cut);
            carried = carried.or(Some((link.from_client, link.from_server)));
        }
        self.check(&peer, &server, &application);
        carried.expect("one connection at least")
    }

    /// One connection, to its cut or until nothing happens any more.
    fn connection(
        self,
        peer: &mut Peer,
        server: &mut Server,
        application: &mut Application,
        cut: Cut,
    ) -> Link {
        let mut link = Link::new(cut);
        peer.cut();
        server.handle_link();
        application.reconnect();
        let mut options = resumable(self.version);
        options.topic_alias_maximum = 1;
        peer.begin(&options);
        while !link.broken {
            let mut bytes = std::mem::take(&mut peer.sent);
            link.deliver_to_server(&mut bytes);
            let mut answer = server.handle_input(&bytes);
            link.deliver_to_client(&mut answer);
            let idle = bytes.is_empty() && answer.is_empty();
            peer.send_bytes(&answer);
            application.step(peer);
            if idle && peer.sent.is_empty() {
                break;
            }
        }
        link
    }

    fn check(self, peer: &Peer, server: &Server, application: &Application) {
        assert!(server.is_done(), "the server awaits nothing");
        assert_eq!(peer.client.in_flight(), 0, "nor does the client");
        assert_eq!(peer.client.unacknowledged_received(), 0);
        assert_eq!(usize::from(application.published), application.outcomes.len());
        for number in 0..application.outcomes.len() {
            let times = count(&server.accepted, number);
            let qos = self.qos(self.published, u8::try_from(number).expect("small"));
            match application.outcomes[number].as_ref().expect("an outcome") {
                PublishOutcome::Acknowledged(_) => assert!(times > 0, "{number} was lost"),
                PublishOutcome::Dropped(DropReason::SessionLost) => {
                    assert!(!self.session_kept && qos == QoS::ExactlyOnce);
                }
                PublishOutcome::Dropped(DropReason::StreamInterrupted) => assert!(self.streamed),
                other => panic!("{number}: {other:?}"),
            }
            assert!(times <= 1 || qos == QoS::AtLeastOnce, "{number} came twice");
        }
        for number in 0..self.count(self.received) {
            let times = count(&application.received, number);
            let qos = self.qos(self.received, u8::try_from(number).expect("small"));
            assert!(times > 0, "{number} was not delivered");
            // A server that has lost the session cannot know what it has delivered.
            let once = qos == QoS::ExactlyOnce && self.session_kept;
            assert!(times == 1 || !once, "{number} was delivered twice");
        }
        in_order(&server.accepted, self.published);
        in_order(&application.received, self.received);
    }
}

/// Says which run it was, if it fails.
struct Told<'a> {
    scenario: Scenario,
    cuts: &'a [Cut],
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{:?} with the cuts {:?}", self.scenario, self.cuts);
        }
    }
}

fn count(connections: &[Vec<u8>], number: usize) -> usize {
    connections.iter().flatten().filter(|found| usize::from(**found) == number).count()
}

/// Messages of one QoS follow each other on each connection, and the first time each comes.
fn in_order(connections: &[Vec<u8>], kinds: &[QoS]) {
    for kind in 0..kinds.len() {
        let of_kind = |number: &u8| usize::from(*number) % kinds.len() == kind;
        let mut seen = Vec::new();
        for connection in connections {
            let numbers: Vec<u8> = connection.iter().copied().filter(of_kind).collect();
            assert!(numbers.is_sorted_by(|one, next| one < next), "{connections:?}");
            seen.extend(
                numbers.into_iter().filter(|number| !seen.contains(number)).collect::<Vec<_>>(),
            );
        }
        assert!(seen.is_sorted(), "{connections:?}");
    }
}

/// Every place at which the first connection of an undisturbed exchange could end.
fn cuts(scenario: Scenario) -> Vec<Cut> {
    let (from_client, from_server) = scenario.run(&[]);
    let from_client = (0..=from_client).map(Cut::FromClient);
    from_client.chain((0..=from_server).map(Cut::FromServer)).collect()
}

/// All scenarios with these messages and this session.
fn every_cut(published: &'static [QoS], received: &'static [QoS], session_kept: bool) {
    // MQTT 3.1 cannot say that a session was lost.
    let oldest = usize::from(!session_kept);
    for version in Version::ALL.into_iter().skip(oldest) {
        for (late, streamed) in [(false, false), (true, false), (true, true)] {
            let scenario = Scenario { version, published, received, session_kept, late, streamed };
            for cut in cuts(scenario) {
                scenario.run(&[cut]);
            }
        }
    }
}

#[test]
fn published_qos_1_survives_every_cut() {
    every_cut(ONE, &[], true);
}

#[test]
fn published_qos_1_survives_every_cut_and_a_lost_session() {
    every_cut(ONE, &[], false);
}

#[test]
fn published_qos_2_survives_every_cut() {
    every_cut(TWO, &[], true);
}

#[test]
fn published_qos_2_comes_once_or_is_reported_when_the_session_is_lost() {
    every_cut(TWO, &[], false);
}

#[test]
fn received_qos_1_survives_every_cut() {
    every_cut(&[], ONE, true);
}

#[test]
fn received_qos_1_survives_every_cut_and_a_lost_session() {
    every_cut(&[], ONE, false);
}

#[test]
fn received_qos_2_survives_every_cut() {
    every_cut(&[], TWO, true);
}

#[test]
fn received_qos_2_survives_every_cut_and_a_lost_session() {
    every_cut(&[], TWO, false);
}

/// Every cut of the first connection, each with some of those of the second.
fn two_cuts(session_kept: bool) {
    const STEP: usize = 37;
    for version in [Version::V3_1_1, Version::V5] {
        let (late, streamed) = (true, false);
        let scenario =
            Scenario { version, published: MIXED, received: MIXED, session_kept, late, streamed };
        let cuts = cuts(scenario);
        for (place, first) in cuts.iter().enumerate() {
            for second in cuts.iter().skip(place % STEP).step_by(STEP) {
                scenario.run(&[*first, *second]);
            }
        }
    }
}

#[test]
fn two_cuts_are_no_worse_than_one() {
    two_cuts(true);
}

#[test]
fn two_lost_sessions_are_no_worse_than_one() {
    two_cuts(false);
}

#[test]
fn both_directions_and_qos_at_once_survive_every_cut() {
    every_cut(MIXED, MIXED, true);
    every_cut(MIXED, MIXED, false);
}
