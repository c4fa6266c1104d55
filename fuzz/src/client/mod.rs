//! The client's state machine between an application that asks for anything and a server that
//! sends anything, in virtual time, with a model of what must come of it.

mod application;
mod server;
mod session;
mod wire;

use std::collections::VecDeque;
use std::time::Duration;

use mqttlink::codec::{PacketId, Version};
use mqttlink::proto::{
    AckToken, ClientConnection, Config, ConnectOptions, Counters, Event, Granted, OutBuffer,
    StreamId, Time, Token,
};

use super::source::Source;
use session::Session;
use wire::Wire;

/// After so many steps a case ends.
const STEPS_MAX: usize = 400;

pub fn run(bytes: &[u8]) {
    let mut world = World::new(Source::new(bytes));
    for _ in 0..STEPS_MAX {
        if world.source.is_empty() {
            break;
        }
        world.step();
        world.check();
    }
    world.disconnect();
    world.check();
}

/// The payload that is being supplied in pieces.
#[derive(Debug)]
struct OpenStream {
    id: StreamId,
    packet_id: Option<PacketId>,
    rest: Vec<u8>,
}

struct World<'a> {
    source: Source<'a>,
    client: ClientConnection,
    config: Config,
    options: ConnectOptions,
    version: Version,
    now: Time,
    /// The last moment from which silence can be counted.
    heard: Time,
    keep_alive: u16,
    paused: bool,
    /// Whether there is a connection, accepted or not.
    open: bool,
    /// How many connections there have been.
    number: u32,
    wire: Wire,
    session: Session,
    /// Bytes that were taken from the client and have not reached the socket.
    position: u64,
    transmitted: u64,
    stream: Option<OpenStream>,
    /// The latest one, open or not.
    last_stream: Option<StreamId>,
    /// Messages that the application has been given, the latest last.
    held: VecDeque<AckToken>,
    /// What is left of a payload that the server sends in pieces.
    incoming_left: usize,
    tokens: u64,
    counters: Counters,
}

impl<'a> World<'a> {
    fn new(mut source: Source<'a>) -> Self {
        let version = source.pick(&[Version::V5, Version::V3_1_1, Version::V5, Version::V3_1]);
        let mut config = Config::default();
        config.window = source.pick(&[None, Some(1), Some(2), Some(5)]);
        config.out_buffer_max = source.pick(&[1 << 20, 1, 64]);
        config.in_flight_bytes_max = source.pick(&[1 << 20, 1, 100]);
        config.topic_aliases = source.pick(&[0, 1, 3]);
        config.ping_timeout = Duration::from_secs(source.pick(&[10, 1]));
        config.stream_above = source.pick(&[None, Some(0), Some(10)]);
        config.record_frames = source.flag();
        let mut options = ConnectOptions::default();
        options.version = version;
        options.client_id = "c".to_owned();
        Self {
            source,
            client: ClientConnection::new(config.clone()),
            config,
            options,
            version,
            now: Time::ORIGIN,
            heard: Time::ORIGIN,
            keep_alive: 0,
            paused: false,
            open: false,
            number: 0,
            wire: Wire::new(version, 0),
            session: Session::default(),
            position: 0,
            transmitted: 0,
            stream: None,
            last_stream: None,
            held: VecDeque::new(),
            incoming_left: 0,
            tokens: 0,
            counters: Counters::default(),
        }
    }

    fn step(&mut self) {
        match self.source.below(16) {
            0 => self.connect(),
            1 if self.source.rarely(4) => self.disconnect(),
            2..=8 if self.open => self.server(),
            2..=8 => self.connect(),
            9 => self.time(),
            10 => self.transmit(),
            _ => self.application(),
        }
    }

    fn token(&mut self) -> Token {
        self.tokens += 1;
        Token(self.tokens)
    }

    fn connect(&mut self) {
        if self.client.is_connected() && !self.source.rarely(4) {
            return self.server();
        }
        let v5 = self.version.is_v5();
        self.options.clean_start = self.source.flag();
        self.options.keep_alive = self.source.pick(&[0, 1, 3, 60, u16::MAX]);
        self.options.receive_maximum = self.source.pick(&[u16::MAX, 1, 3]);
        self.options.topic_alias_maximum = self.source.pick(&[0, 2]);
        self.options.maximum_packet_size = self.source.pick(&[1 << 20, 50]);
        self.options.session_expiry = if v5 { self.source.pick(&[0, 100]) } else { 0 };
        self.options.request_problem_information = !self.source.rarely(4);
        let method = v5 && self.source.rarely(4);
        self.options.authentication_method = method.then(|| "m".to_owned());
        self.disconnect();
        self.client.connect(self.now, &self.options).expect("options that can be expressed");
        self.open = true;
        self.number += 1;
        self.wire = Wire::new(self.version, self.number);
        (self.position, self.transmitted) = (0, 0);
        self.paused = false;
        self.transmit();
    }

    fn disconnect(&mut self) {
        self.open = false;
        let stream = self.stream.take();
        let open = stream.as_ref().and_then(|stream| stream.packet_id);
        self.session.disconnected(stream.is_some(), open);
        self.client.handle_disconnected(self.now);
        self.wire = Wire::new(self.version, self.number);
        self.incoming_left = 0;
        self.keep_alive = 0;
        self.take_events();
        assert_eq!(self.client.poll_timeout(), None, "no connection, no timer");
        assert!(!self.client.has_output());
    }

    /// Takes what the client has to send and looks at it.
    fn transmit(&mut self) {
        let mut out = OutBuffer::new();
        while self.client.poll_transmit(&mut out) {
            let bytes = out.to_vec();
            assert_eq!(out.slices().concat().len().min(bytes.len()), out.slices().concat().len());
            self.position += bytes.len() as u64;
            self.wire.sent(&bytes, &mut self.session);
            out.clear(0);
        }
        assert!(!self.client.has_output());
        if !self.source.rarely(8) {
            self.flush();
        }
    }

    /// What was taken from the client reaches the socket.
    fn flush(&mut self) {
        if self.transmitted < self.position {
            self.transmitted = self.position;
            let drained = self.source.rarely(8);
            self.client.handle_transmitted(self.now, self.position, drained);
            // A PINGREQ may wait behind the open payload.
            if drained || self.stream.is_some() {
                self.heard = self.now;
            }
        }
    }

    fn time(&mut self) {
        if self.source.rarely(8) {
            self.paused = !self.paused;
            self.client.handle_input_paused(self.now, self.paused);
            self.heard = self.now;
        }
        let millis = self.source.pick(&[1, 500, 900, 1000, 3000, 10_000, 59_000, 120_000]);
        let end = self.now + Duration::from_millis(millis);
        if self.source.rarely(8) {
            // The timers were late, so the silence is nobody's fault.
            self.now = end;
            self.heard = end;
            self.fire();
            return;
        }
        while let Some(at) = self.client.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.fire();
        }
        self.now = end;
        let silence = self.now.since(self.heard);
        let keep_alive = Duration::from_secs(self.keep_alive.into());
        if self.client.is_connected() && !keep_alive.is_zero() && !self.paused {
            // Once more the timeout for a PINGREQ that was slow to reach the socket.
            let limit = keep_alive + 2 * self.config.ping_timeout;
            assert!(silence <= limit, "dead for {silence:?}, unnoticed");
        }
    }

    fn fire(&mut self) {
        self.client.handle_timeout(self.now);
        let next = self.client.poll_timeout();
        assert!(next.is_none_or(|next| next > self.now), "a timer that has fired moves on");
        self.take_events();
        self.transmit();
    }

    /// Takes all events and says whether one of them ends the connection.
    fn take_events(&mut self) -> bool {
        let mut ended = false;
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Published { token, outcome } => self.session.reported(token, &outcome),
                Event::Answered { token, .. } | Event::Unanswered { token } => {
                    assert!(self.session.requests_due.remove(&token), "{token:?} is reported once");
                }
                Event::Connected(granted) => self.granted(&granted),
                Event::Failed(error) => {
                    assert!(error.reason().is_error(), "{error}");
                    assert!(!error.to_string().is_empty());
                    ended = true;
                }
                Event::Refused(_) | Event::Disconnected(_) => ended = true,
                _ => {}
            }
        }
        assert_eq!(self.session.due, Default::default(), "every outcome is reported at once");
        assert!(self.session.requests_due.is_empty(), "every answer is reported at once");
        assert!(!ended || !self.open || self.client.is_closing());
        ended
    }

    fn granted(&mut self, granted: &Granted) {
        self.keep_alive = granted.keep_alive;
        self.heard = self.now;
        assert_eq!(&granted.limits, self.client.limits());
    }

    /// What holds after every step.
    fn check(&mut self) {
        self.take_events();
        assert_eq!(self.client.in_flight(), self.session.flights().count());
        let mut flights: Vec<_> = self.session.flights().collect();
        flights.sort_by_key(|flight| flight.order);
        let tokens: Vec<Token> = flights.iter().filter_map(|flight| flight.token).collect();
        let unacknowledged = self.client.unacknowledged();
        assert_eq!(unacknowledged.iter().map(|(token, _)| *token).collect::<Vec<_>>(), tokens);
        let stored: Vec<usize> = unacknowledged
            .iter()
            .filter_map(|(_, stored)| stored.map(|stored| stored.to_bytes().len()))
            .collect();
        let all_but_last: usize = stored.iter().rev().skip(1).sum();
        assert!(all_but_last <= self.config.in_flight_bytes_max, "one message may exceed it");
        let outstanding = self.client.unacknowledged_received();
        let maximum = if self.version.is_v5() { self.options.receive_maximum } else { u16::MAX };
        assert!(outstanding <= usize::from(maximum), "{outstanding} of {maximum}");
        let counters = self.client.counters();
        assert!(counters.bytes_received >= self.counters.bytes_received);
        assert!(counters.bytes_sent >= self.counters.bytes_sent);
        self.counters = counters;
        let next = self.client.poll_timeout();
        assert!(next.is_none() || self.client.is_connected(), "timers run while connected");
        self.client.each_queued(|publish| assert!(!publish.topic.is_empty(), "{publish}"));
    }
}
