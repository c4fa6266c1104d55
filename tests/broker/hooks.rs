//! Authentication, authorisation, interception, events, limits.

use std::sync::mpsc;
use std::time::Duration;

use mqttlink::broker::{
    Action, AuthExchange, Broker, BrokerEvent, BrokerLimits, ClientAuthenticator, Credentials,
    Decision, DisconnectCause,
};
use mqttlink::{
    AuthError, Authenticator, Client, ErrorCode, Publish, QoS, ReasonCode, Subscribe, Version,
};

const PATIENCE: Duration = Duration::from_secs(60);

fn client(broker: &Broker, id: &str) -> mqttlink::Builder {
    Client::builder_for("127.0.0.1", broker.address().unwrap().port()).client_id(id)
}

#[test]
fn a_slow_authentication_holds_nobody_else_up() {
    let (release, held) = mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let broker = Broker::builder()
        .listen("127.0.0.1:0")
        .authenticate(move |who: &Credentials| {
            if who.user_name.as_deref() == Some("slow") {
                held.lock().unwrap().recv().unwrap();
            }
            Decision::from_bool(who.password.as_deref() == Some(b"secret"))
        })
        .start()
        .unwrap();
    let slow = client(&broker, "slow").user_name("slow").password("secret");
    let slow = std::thread::spawn(move || slow.connect());
    let (fast, _) = client(&broker, "fast").user_name("fast").password("secret").connect().unwrap();
    let _ = fast.subscribe(Subscribe::new("t", QoS::AtMostOnce)).unwrap();
    fast.publish(Publish::new("t", "m")).unwrap();
    fast.recv_timeout(PATIENCE).unwrap();
    release.send(()).unwrap();
    slow.join().unwrap().unwrap();
    for version in Version::ALL {
        let wrong = client(&broker, "wrong").version(version).user_name("u").password("wrong");
        let error = wrong.connect().unwrap_err();
        assert_eq!(
            (error.code(), error.reason()),
            (ErrorCode::Refused, Some(ReasonCode::NotAuthorized))
        );
    }
}

#[test]
fn an_authenticator_that_panics_refuses() {
    let broker = Broker::builder()
        .listen("127.0.0.1:0")
        .authenticate(|_: &Credentials| -> Decision { panic!("the database is gone") })
        .start()
        .unwrap();
    for _ in 0..3 {
        assert_eq!(client(&broker, "a").connect().unwrap_err().code(), ErrorCode::Refused);
    }
}

/// Asks for the double of a number, and for the double of that.
struct Doubling;

struct Exchange {
    expected: u8,
}

impl ClientAuthenticator for Doubling {
    fn authenticate(&self, _: &Credentials) -> Decision {
        Decision::Refuse(ReasonCode::BadAuthenticationMethod)
    }

    fn exchange(&self, who: &Credentials) -> Option<Box<dyn AuthExchange>> {
        (who.authentication_method() == Some("doubling"))
            .then(|| Box::new(Exchange { expected: 1 }) as Box<dyn AuthExchange>)
    }
}

impl AuthExchange for Exchange {
    fn step(&mut self, data: Option<&[u8]>) -> Decision {
        if data != Some(&[self.expected]) {
            return Decision::Refuse(ReasonCode::NotAuthorized);
        }
        self.expected *= 4;
        if self.expected > 16 {
            return Decision::Accept { user: Some("doubler".into()), data: Some(vec![99]) };
        }
        Decision::Challenge(vec![self.expected / 2])
    }
}

struct Doubler {
    wrong: bool,
}

impl Authenticator for Doubler {
    fn method(&self) -> &str {
        "doubling"
    }

    fn start(&mut self) -> Result<Option<Vec<u8>>, AuthError> {
        Ok(Some(vec![1]))
    }

    fn respond(&mut self, data: Option<&[u8]>) -> Result<Option<Vec<u8>>, AuthError> {
        let number = data.map_or(0, |data| data[0]);
        Ok(Some(vec![if self.wrong { 7 } else { number * 2 }]))
    }
}

#[test]
fn an_exchange_authenticates_and_authenticates_again() {
    let broker = Broker::builder().listen("127.0.0.1:0").authenticate(Doubling).start().unwrap();
    let (honest, granted) =
        client(&broker, "a").authenticator(Doubler { wrong: false }).connect().unwrap();
    assert_eq!(granted.authentication_data(), Some(&[99][..]));
    assert_eq!(broker.clients().unwrap()[0].user.as_deref(), Some("doubler"));
    honest.re_authenticate().unwrap();
    let error = client(&broker, "b").authenticator(Doubler { wrong: true }).connect().unwrap_err();
    assert_eq!(error.reason(), Some(ReasonCode::NotAuthorized));
    let error = client(&broker, "c").connect().unwrap_err();
    assert_eq!(error.reason(), Some(ReasonCode::BadAuthenticationMethod));
}

#[test]
fn who_may_do_what_is_asked_each_time() {
    let broker = Broker::builder()
        .listen("127.0.0.1:0")
        .authorize(|client, action| match action {
            Action::Publish { topic, .. } => *topic != "secret",
            Action::Subscribe { filter, .. } => !filter.matches("secret"),
            Action::Deliver { message } => {
                message.topic() != "half" || &*client.client_id == "privileged"
            }
            _ => panic!("refused, and the broker lives on"),
        })
        .start()
        .unwrap();
    let (privileged, _) = client(&broker, "privileged").connect().unwrap();
    let (other, _) = client(&broker, "other").connect().unwrap();
    for one in [&privileged, &other] {
        let _ = one.subscribe(Subscribe::new("half", QoS::AtMostOnce)).unwrap();
        let _ = one.subscribe(Subscribe::new("whole", QoS::AtMostOnce)).unwrap();
    }
    let refused = other.subscribe(Subscribe::new("#", QoS::AtMostOnce)).unwrap();
    assert!(format!("{refused:?}").contains("NotAuthorized"), "{refused:?}");
    let secret = Publish::new("secret", "m").qos(QoS::AtLeastOnce);
    let error = other.publish(secret).unwrap().wait().unwrap_err();
    assert_eq!(error.reason(), Some(ReasonCode::NotAuthorized));
    for topic in ["half", "whole"] {
        other.publish(Publish::new(topic, "m")).unwrap();
    }
    assert_eq!(privileged.recv_timeout(PATIENCE).unwrap().topic(), "half");
    assert_eq!(privileged.recv_timeout(PATIENCE).unwrap().topic(), "whole");
    assert_eq!(other.recv_timeout(PATIENCE).unwrap().topic(), "whole");
    let drops = broker.statistics().unwrap().drops;
    assert_eq!((drops.refused, drops.not_delivered), (1, 1));
}

#[test]
fn messages_are_changed_and_refused_on_their_way() {
    let broker = Broker::builder()
        .listen("127.0.0.1:0")
        .intercept(|client, draft| {
            if draft.payload.is_empty() {
                return Err(ReasonCode::PayloadFormatInvalid);
            }
            draft.topic = format!("from/{}/{}", client.client_id, draft.topic);
            draft.payload = draft.payload.to_ascii_uppercase().into();
            Ok(())
        })
        .start()
        .unwrap();
    let all = broker.subscribe("#").unwrap();
    let (client, _) = client(&broker, "a").connect().unwrap();
    client.publish(Publish::new("t", "hello")).unwrap();
    let message = all.recv(PATIENCE).unwrap();
    assert_eq!((message.topic(), message.payload()), ("from/a/t", &b"HELLO"[..]));
    let empty = Publish::new("t", "").qos(QoS::AtLeastOnce);
    let error = client.publish(empty).unwrap().wait().unwrap_err();
    assert_eq!(error.reason(), Some(ReasonCode::PayloadFormatInvalid));
}

#[test]
fn events_tell_what_happens_in_order() {
    let (sender, events) = mpsc::channel();
    let broker = Broker::builder()
        .listen("127.0.0.1:0")
        .on_event(move |event| drop(sender.send(event.clone())))
        .start()
        .unwrap();
    let (one, _) = client(&broker, "a").connect().unwrap();
    let _ = one.subscribe(Subscribe::new("t", QoS::AtLeastOnce)).unwrap();
    let (two, _) = client(&broker, "a").connect().unwrap();
    two.disconnect().unwrap();
    let names: Vec<String> = (0..7)
        .map(|_| match events.recv_timeout(PATIENCE).unwrap() {
            BrokerEvent::Connected { client, .. } => format!("connected {}", client.client_id),
            BrokerEvent::Subscribed { filter, .. } => format!("subscribed {filter}"),
            BrokerEvent::Disconnected { cause: DisconnectCause::TakenOver, .. } => "taken".into(),
            BrokerEvent::Disconnected { cause: DisconnectCause::Goodbye(_), .. } => "bye".into(),
            BrokerEvent::SessionEnded { .. } => "ended".into(),
            other => format!("{other:?}"),
        })
        .collect();
    let expected = ["connected a", "subscribed t", "taken", "ended", "connected a", "bye", "ended"];
    assert_eq!(names, expected);
}

#[test]
fn a_client_is_sent_away_and_the_counters_count() {
    let broker = Broker::builder().listen("127.0.0.1:0").start().unwrap();
    let (one, _) = client(&broker, "a").connect().unwrap();
    assert!(broker.disconnect("a", ReasonCode::AdministrativeAction).unwrap());
    assert!(!broker.disconnect("b", ReasonCode::AdministrativeAction).unwrap());
    let error = one.recv_timeout(PATIENCE).unwrap_err();
    assert_eq!(error.reason(), Some(ReasonCode::AdministrativeAction));
    let statistics = broker.statistics().unwrap();
    assert_eq!((statistics.clients_maximum, statistics.clients_connected), (1, 0));
    assert!(statistics.bytes_received > 0 && statistics.packets_received > 0);
}

#[test]
fn sessions_are_listed_and_deleted() {
    let broker = Broker::builder().listen("127.0.0.1:0").start().unwrap();
    let (one, _) = client(&broker, "a").connect().unwrap();
    let _ = one.subscribe(Subscribe::new("t", QoS::AtLeastOnce)).unwrap();
    let sessions = broker.sessions().unwrap();
    assert_eq!((sessions.len(), &*sessions[0].client.client_id), (1, "a"));
    assert_eq!(broker.session("a").unwrap().unwrap().subscriptions, 1);
    let filters = broker.subscriptions("a").unwrap();
    assert_eq!((filters[0].0.as_str(), filters[0].1.qos), ("t", QoS::AtLeastOnce));
    assert!(broker.delete_session("a").unwrap() && !broker.delete_session("a").unwrap());
    let error = one.recv_timeout(PATIENCE).unwrap_err();
    assert_eq!(error.reason(), Some(ReasonCode::AdministrativeAction));
    assert!(
        broker.session("a").unwrap().is_none() && broker.subscriptions("a").unwrap().is_empty()
    );
}

#[test]
fn the_limits_of_sessions_and_subscriptions_are_kept() {
    let mut limits = BrokerLimits::default();
    limits.sessions = 1;
    limits.subscriptions_per_client = 2;
    let broker = Broker::builder().listen("127.0.0.1:0").limits(limits).start().unwrap();
    let (one, _) = client(&broker, "a").connect().unwrap();
    let error = client(&broker, "b").connect().unwrap_err();
    assert_eq!(error.reason(), Some(ReasonCode::QuotaExceeded));
    for (filter, refused) in [("a", false), ("b", false), ("c", true), ("a", false)] {
        let answer = one.subscribe(Subscribe::new(filter, QoS::AtMostOnce)).unwrap();
        assert_eq!(format!("{answer:?}").contains("QuotaExceeded"), refused, "{answer:?}");
    }
    let drops = broker.statistics().unwrap().drops;
    assert_eq!((drops.sessions, drops.subscriptions), (1, 1));
}

#[test]
fn clients_that_have_left_keep_nobody_from_being_authenticated() {
    let mut limits = BrokerLimits::default();
    limits.authentications = 4;
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let (asked, questions) = std::sync::mpsc::channel();
    let broker = Broker::builder()
        .listen("127.0.0.1:0")
        .limits(limits)
        .authentication_threads(1)
        .authenticate(move |who: &Credentials| {
            asked.send(who.client_id.clone()).unwrap();
            let _ = gate.lock().unwrap().recv();
            Decision::accept()
        })
        .start()
        .unwrap();
    let port = broker.address().unwrap().port();
    let raw = |id: u8| {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        let mut packet = b"\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01_".to_vec();
        packet[14] = id;
        std::io::Write::write_all(&mut stream, &packet).unwrap();
        stream
    };
    let connections = |count| {
        broker
            .wait_until(PATIENCE, move |core| {
                core.statistics(Default::default()).connections == count
            })
            .unwrap();
    };
    for _ in 0..3 {
        let left: Vec<_> = (b'0'..b'4').map(raw).collect();
        connections(4);
        drop(left);
        connections(0);
    }
    let mut honest = raw(b'h');
    connections(1);
    drop(open);
    let mut answer = [0; 4];
    std::io::Read::read_exact(&mut honest, &mut answer).unwrap();
    assert_eq!(answer, [0x20, 2, 0, 0]);
    drop(broker);
    let asked: Vec<String> = questions.iter().collect();
    assert!(asked.len() <= 2 && asked.last().is_some_and(|id| id == "h"), "{asked:?}");
}

#[test]
fn a_client_for_whose_authentication_there_is_no_room_is_told_to_come_later() {
    let mut limits = BrokerLimits::default();
    limits.authentications = 1;
    let (open, gate) = mpsc::channel::<()>();
    let (gate, (asked, questions)) = (std::sync::Mutex::new(gate), mpsc::channel());
    let broker = Broker::builder()
        .listen("127.0.0.1:0")
        .limits(limits)
        .authenticate(move |who: &Credentials| {
            asked.send(who.client_id.clone()).unwrap();
            let _ = gate.lock().unwrap().recv();
            Decision::accept()
        })
        .start()
        .unwrap();
    let first = client(&broker, "first");
    let first = std::thread::spawn(move || first.connect());
    assert_eq!(questions.recv_timeout(PATIENCE).unwrap(), "first");
    for (version, expected) in
        [(Version::V5, ReasonCode::ServerBusy), (Version::V3_1_1, ReasonCode::ServerUnavailable)]
    {
        let error = client(&broker, "second").version(version).connect().unwrap_err();
        assert_eq!((error.code(), error.reason()), (ErrorCode::Refused, Some(expected)));
    }
    assert_eq!(broker.statistics().unwrap().drops.sessions, 2);
    drop(open);
    first.join().unwrap().unwrap();
    client(&broker, "second").connect().unwrap();
}
