//! mosquitto and the embedded broker: subscription options, identifiers, handlers, shared
//! subscriptions, retained messages, and the properties of messages.

use std::sync::mpsc;
use std::time::Duration;

use mqttlink::{
    Client, Publish, QoS, ReasonCode, RetainHandling, Subscribe, SubscribeOptions, Unsubscribe,
    Version,
};

use crate::harness::{QUALITIES, VERSIONS, WATCHDOG, Which, next, on_each_server};

on_each_server! {
    retained_messages_are_kept_replaced_and_deleted
    retain_handling_and_retain_as_published
    no_local
    messages_carry_the_identifiers_of_their_subscriptions
    overlapping_subscriptions_each_have_their_handler
    a_shared_subscription_gives_each_message_to_one_client
    many_filters_in_one_request_have_their_own_results
    a_request_and_its_answer_carry_their_properties
    a_message_that_waits_in_the_broker_expires
    nobody_subscribes_to_it_and_the_server_says_so
}

/// What comes until now, as topics: a mark that comes behind it is published.
fn topics_until_now(client: &Client) -> Vec<String> {
    client.subscribe(("mark", QoS::AtMostOnce)).unwrap().all().unwrap();
    client.publish(Publish::new("mark", "")).unwrap();
    let topics = std::iter::from_fn(|| Some(next(client).topic().to_owned()));
    topics.take_while(|topic| topic != "mark").collect()
}

fn retained_messages_are_kept_replaced_and_deleted(which: Which) {
    let broker = which.start();
    for version in VERSIONS {
        let connect = || broker.builder().version(version).connect().unwrap().0;
        let client = connect();
        let keep = |topic, payload| {
            let message = Publish::new(topic, payload).qos(QoS::AtLeastOnce).retain(true);
            client.publish(message).unwrap().wait().unwrap();
        };
        keep("kept/1", "old");
        keep("kept/1", "new");
        keep("kept/2", "x");
        keep("kept/2", "");
        let late = connect();
        late.subscribe(("kept/#", QoS::AtLeastOnce)).unwrap().all().unwrap();
        let message = next(&late);
        assert_eq!((message.topic(), message.text()), ("kept/1", Some("new")));
        assert!(message.retain());
        assert_eq!(topics_until_now(&late), [""; 0]);
        keep("kept/1", "live");
        assert!(!next(&late).retain(), "it is not from before the subscription");
        keep("kept/1", "");
    }
}

fn retain_handling_and_retain_as_published(which: Which) {
    let broker = which.start();
    let client = broker.client("c");
    let kept = Publish::new("kept", "x").qos(QoS::AtLeastOnce).retain(true);
    client.publish(kept.clone()).unwrap().wait().unwrap();
    let subscribe = |handling, as_published| {
        let options = SubscribeOptions {
            retain_handling: handling,
            retain_as_published: as_published,
            ..SubscribeOptions::from(QoS::AtLeastOnce)
        };
        client.subscribe(Subscribe::new("kept", options)).unwrap().all().unwrap();
        topics_until_now(&client).len()
    };
    let forget = || client.unsubscribe(Unsubscribe::new("kept")).unwrap().all().unwrap();
    assert_eq!(subscribe(RetainHandling::SendIfNew, false), 1);
    assert_eq!(subscribe(RetainHandling::SendIfNew, false), 0, "it is not new");
    assert_eq!(subscribe(RetainHandling::Send, false), 1);
    // mosquitto 2.0.11 leaves the other options of a subscription that exists as they were
    // [MQTT-3.8.4-3].
    if which == Which::Mosquitto {
        forget();
    }
    assert_eq!(subscribe(RetainHandling::DoNotSend, true), 0);
    client.publish(kept.clone()).unwrap().wait().unwrap();
    assert!(next(&client).retain(), "as it was published");
    forget();
    subscribe(RetainHandling::DoNotSend, false);
    client.publish(kept).unwrap().wait().unwrap();
    assert!(!next(&client).retain());
}

fn no_local(which: Which) {
    let broker = which.start();
    let (client, other) = (broker.client("c"), broker.client("other"));
    let options = SubscribeOptions { no_local: true, ..SubscribeOptions::from(QoS::AtMostOnce) };
    client.subscribe(Subscribe::new("t/#", options)).unwrap().all().unwrap();
    client.publish(Publish::new("t/own", "")).unwrap().wait().unwrap();
    other.publish(Publish::new("t/other", "").qos(QoS::AtLeastOnce)).unwrap().wait().unwrap();
    assert_eq!(topics_until_now(&client), ["t/other"]);
}

fn messages_carry_the_identifiers_of_their_subscriptions(which: Which) {
    let broker = which.start();
    let client = broker.client("c");
    for (filter, id) in [("id/a", 1), ("id/+", 268_435_455)] {
        let subscribe = Subscribe::new(filter, QoS::AtMostOnce).subscription_id(id);
        client.subscribe(subscribe).unwrap().all().unwrap();
    }
    client.publish(Publish::new("id/b", "")).unwrap();
    assert_eq!(next(&client).subscription_ids().collect::<Vec<_>>(), [268_435_455]);
    client.publish(Publish::new("id/a", "")).unwrap();
    // One message with both, or one for each: the server's choice.
    let mut ids: Vec<u32> = next(&client).subscription_ids().collect();
    if ids.len() == 1 {
        ids.extend(next(&client).subscription_ids());
    }
    ids.sort_unstable();
    assert_eq!(ids, [1, 268_435_455]);
}

fn overlapping_subscriptions_each_have_their_handler(which: Which) {
    let broker = which.start();
    for version in VERSIONS {
        let (client, _) = broker.builder().version(version).connect().unwrap();
        let (sent, received) = mpsc::channel();
        for filter in ["over/#", "over/+/x", "over/a/x"] {
            let sent = sent.clone();
            let subscribe = Subscribe::new(filter, QoS::AtMostOnce)
                .handler(move |message| sent.send((filter, message.topic().to_owned())).unwrap());
            client.subscribe(subscribe).unwrap().all().unwrap();
        }
        let seen = |topic, expected: &[&str]| {
            client.publish(Publish::new(topic, "")).unwrap();
            let mut filters: Vec<&str> = expected
                .iter()
                .map(|_| received.recv_timeout(WATCHDOG).unwrap())
                .map(|(filter, got)| if got == topic { filter } else { panic!("{got}") })
                .collect();
            filters.sort_unstable();
            assert_eq!(filters, expected, "{version} {topic}");
        };
        seen("over/b", &["over/#"]);
        seen("over/b/x", &["over/#", "over/+/x"]);
        seen("over/a/x", &["over/#", "over/+/x", "over/a/x"]);
        // Nothing comes twice: the next is the next.
        seen("over/c", &["over/#"]);
    }
}

fn a_shared_subscription_gives_each_message_to_one_client(which: Which) {
    let broker = which.start();
    let members = ["a", "b", "c"].map(|id| broker.client(id));
    for member in &members {
        member.subscribe(("$share/group/work/#", QoS::AtLeastOnce)).unwrap().all().unwrap();
    }
    let sender = broker.client("sender");
    for number in 0..60_u8 {
        let message = Publish::new("work/x", [number].to_vec()).qos(QoS::AtLeastOnce);
        sender.publish(message).unwrap().wait().unwrap();
    }
    let mut all = Vec::new();
    for member in &members {
        sender.publish(Publish::new("mark", "")).unwrap();
        member.subscribe(("mark", QoS::AtMostOnce)).unwrap().all().unwrap();
        member.publish(Publish::new("mark", "")).unwrap();
        let messages = std::iter::from_fn(|| Some(next(member)));
        let mine: Vec<u8> = messages
            .take_while(|message| message.topic() != "mark")
            .map(|message| message.payload()[0])
            .collect();
        assert!(!mine.is_empty() && mine.is_sorted(), "{mine:?}");
        all.extend(mine);
    }
    all.sort_unstable();
    assert!(all.iter().copied().eq(0..60), "{all:?}");
}

fn many_filters_in_one_request_have_their_own_results(which: Which) {
    let broker = which.start();
    for version in VERSIONS {
        let (client, _) = broker.builder().version(version).connect().unwrap();
        let mut subscribe = Subscribe::new("f/0", QoS::AtMostOnce);
        for number in 1..300 {
            subscribe = subscribe.filter(format!("f/{number}"), QUALITIES[number % 3]);
        }
        let granted = client.subscribe(subscribe).unwrap().all().unwrap();
        assert!((0..300).all(|number| granted[number] == QUALITIES[number % 3]));
        let unsubscribe = Unsubscribe::new("f/7").filter("never/was");
        let results: Vec<_> = client.unsubscribe(unsubscribe).unwrap().results().collect();
        let second = match version {
            Version::V5 => ReasonCode::NoSubscriptionExisted,
            _ => ReasonCode::Success,
        };
        assert_eq!(results, [ReasonCode::Success, second]);
    }
}

fn a_request_and_its_answer_carry_their_properties(which: Which) {
    let broker = which.start();
    let builder = broker.builder().on_message(|request| {
        let answer = Publish::new(request.response_topic().unwrap(), "answer")
            .qos(QoS::AtLeastOnce)
            .correlation_data(request.correlation_data().unwrap())
            .content_type(request.content_type().unwrap())
            .payload_is_text()
            .user_property("first", "1")
            .user_property("first", "2");
        request.client().unwrap().publish(answer).unwrap();
    });
    let (responder, _) = builder.connect().unwrap();
    responder.subscribe(("service", QoS::AtLeastOnce)).unwrap().all().unwrap();
    let client = broker.client("c");
    client.subscribe(("answers/c", QoS::AtLeastOnce)).unwrap().all().unwrap();
    let request = Publish::new("service", "request")
        .qos(QoS::AtLeastOnce)
        .response_topic("answers/c")
        .correlation_data(&[0, 0xff])
        .content_type("text/ü");
    client.publish(request).unwrap().wait().unwrap();
    let answer = next(&client);
    assert_eq!(answer.text(), Some("answer"));
    assert_eq!(answer.correlation_data(), Some(&[0, 0xff][..]));
    assert_eq!(answer.content_type(), Some("text/ü"));
    let properties: Vec<_> = answer.user_properties().collect();
    assert_eq!(properties, [("first", "1"), ("first", "2")]);
}

fn a_message_that_waits_in_the_broker_expires(which: Which) {
    let broker = which.start();
    let builder = broker.builder().client_id("late").clean_start(false);
    let (late, _) = builder.session_expiry(Duration::from_secs(600)).connect().unwrap();
    late.subscribe(("t", QoS::AtLeastOnce)).unwrap().all().unwrap();
    late.disconnect().unwrap();
    let sender = broker.client("sender");
    for (payload, seconds) in [("short", 1), ("long", 600)] {
        let message = Publish::new("t", payload).qos(QoS::AtLeastOnce).message_expiry(seconds);
        sender.publish(message).unwrap().wait().unwrap();
    }
    // Nothing says when the broker's second is over but its clock.
    sender.recv_timeout(Duration::from_millis(2100)).unwrap_err();
    assert!(late.reconnect().unwrap().session_present);
    let message = next(&late);
    assert_eq!(message.text(), Some("long"), "the other has expired");
    let left = message.message_expiry().unwrap();
    assert!((500..600).contains(&left), "{left}");
}

fn nobody_subscribes_to_it_and_the_server_says_so(which: Which) {
    let broker = which.start();
    let client = broker.client("c");
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let reason = |topic| {
            let delivery = client.publish(Publish::new(topic, "x").qos(qos)).unwrap();
            delivery.wait().unwrap().reason()
        };
        // mosquitto 2.0.11 says so in PUBACK only.
        let nobody = match (which, qos) {
            (Which::Mosquitto, QoS::ExactlyOnce) => ReasonCode::Success,
            _ => ReasonCode::NoMatchingSubscribers,
        };
        assert_eq!(reason("nobody"), nobody);
        client.subscribe(("somebody", QoS::AtMostOnce)).unwrap().all().unwrap();
        assert_eq!(reason("somebody"), ReasonCode::Success);
    }
}
