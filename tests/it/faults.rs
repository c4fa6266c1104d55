//! The link breaks after every single byte of an exchange, in either direction. Whatever was on its
//! way, no message is lost, the order holds, and at QoS 2 none comes twice.

use mqttlink::QoS;
use mqttlink::codec::Version;
use mqttlink::proto::{Config, ConnectOptions, DropReason, Event, Publish, PublishOutcome};

use crate::model::{Server, WINDOW};
use crate::peer::{Peer, Received};
use crate::script::resumable;

/// More than are in flight at a time.
const MESSAGES: u8 = 5;

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
}

const ONE: &[QoS] = &[QoS::AtLeastOnce];
const TWO: &[QoS] = &[QoS::ExactlyOnce];
const MIXED: &[QoS] = &[QoS::ExactlyOnce, QoS::AtLeastOnce];

/// Where a connection ends: when so many bytes have got through in one of the directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    FromClient(usize),
    FromServer(usize),
    Never,
}

/// How many bytes one connection has carried, and how many it will.
#[derive(Debug)]
struct Link {
    from_client: usize,
    from_server: usize,
    cut: Cut,
    broken: bool,
}

impl Link {
    fn new(cut: Cut) -> Self {
        let broken = matches!(cut, Cut::FromClient(0) | Cut::FromServer(0));
        Self { from_client: 0, from_server: 0, cut, broken }
    }

    /// How much of `len` bytes gets through.
    fn carry(carried: &mut usize, limit: Option<usize>, broken: &mut bool, len: usize) -> usize {
        if *broken {
            return 0;
        }
        let through = limit.map_or(len, |limit| len.min(limit - *carried));
        *carried += through;
        *broken |= limit == Some(*carried);
        through
    }

    fn deliver_to_server(&mut self, bytes: &mut Vec<u8>) {
        let limit = if let Cut::FromClient(limit) = self.cut { Some(limit) } else { None };
        let len = Self::carry(&mut self.from_client, limit, &mut self.broken, bytes.len());
        bytes.truncate(len);
    }

    fn deliver_to_client(&mut self, bytes: &mut Vec<u8>) {
        let limit = if let Cut::FromServer(limit) = self.cut { Some(limit) } else { None };
        let len = Self::carry(&mut self.from_server, limit, &mut self.broken, bytes.len());
        bytes.truncate(len);
    }
}

/// The program that uses the client.
struct Application {
    scenario: Scenario,
    published: u8,
    outcomes: Vec<Option<PublishOutcome>>,
    /// What it has received, by connection.
    received: Vec<Vec<u8>>,
    /// Messages that it has not finished with.
    held: Vec<Received>,
}

impl Application {
    fn new(scenario: Scenario) -> Self {
        let outcomes = vec![None; scenario.count(scenario.published)];
        Self { scenario, published: 0, outcomes, received: Vec::new(), held: Vec::new() }
    }

    fn step(&mut self, peer: &mut Peer) {
        for message in std::mem::take(&mut self.held) {
            peer.acknowledge(&message);
        }
        self.held = peer.messages();
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
        while usize::from(self.published) < self.outcomes.len() {
            let qos = self.scenario.qos(self.scenario.published, self.published);
            let payload = [self.published];
            let token = mqttlink::proto::Token(u64::from(self.published) + 1);
            let request = Publish::new("t", &payload).qos(qos);
            match peer.client.publish(peer.now, &request, token) {
                Ok(_) => self.published += 1,
                Err(_) => break,
            }
        }
        peer.pump();
    }
}

impl Scenario {
    fn count(self, kinds: &[QoS]) -> usize {
        if kinds.is_empty() { 0 } else { usize::from(MESSAGES) }
    }

    fn qos(self, kinds: &[QoS], number: u8) -> QoS {
        kinds[usize::from(number) % kinds.len()]
    }

    fn options(self) -> ConnectOptions {
        resumable(self.version)
    }

    /// Runs the exchange over connections with these cuts and one more without. Returns how many
    /// bytes the first connection carried from the client and from the server.
    fn run(self, cuts: &[Cut]) -> (usize, usize) {
        let _told_on_panic = Told { scenario: self, cuts };
        let mut config = Config::default();
        config.window = Some(u16::try_from(WINDOW).expect("small"));
        let mut peer = Peer::idle(config);
        let mut server = Server::new(self.version, self.session_kept);
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
        application.received.push(Vec::new());
        peer.begin(&self.options());
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

/// All scenarios with this session, of one direction and QoS.
fn every_cut(published: &'static [QoS], received: &'static [QoS], session_kept: bool) {
    for version in [Version::V3_1_1, Version::V5] {
        for late in [false, true] {
            let scenario = Scenario { version, published, received, session_kept, late };
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

/// Every cut of the first connection, and of the second one every cut after some bytes.
#[test]
fn two_cuts_are_no_worse_than_one() {
    const STEP: usize = 23;
    for version in [Version::V3_1_1, Version::V5] {
        let scenario =
            Scenario { version, published: MIXED, received: MIXED, session_kept: true, late: true };
        let cuts = cuts(scenario);
        for (place, first) in cuts.iter().enumerate() {
            for second in cuts.iter().skip(place % STEP).step_by(STEP) {
                scenario.run(&[*first, *second]);
            }
        }
    }
}

#[test]
fn both_directions_and_qos_at_once_survive_every_cut() {
    every_cut(MIXED, MIXED, true);
    every_cut(MIXED, MIXED, false);
}
