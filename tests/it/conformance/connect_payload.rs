//! CONNECT: the payload (section 3.1.3).

use mqttlink::codec::{EncodeError, Packet, TopicError, Version, frame};
use mqttlink::proto::{Config, ConnectOptions, Will};
use mqttlink::{QoS, ReasonCode};

use crate::hex::{field, hex, packet, unhex};
use crate::peer::{Peer, options};

fn try_connect(options: &ConnectOptions) -> Result<Vec<u8>, EncodeError> {
    let mut peer = Peer::idle(Config::default());
    peer.client.connect(peer.now, options)?;
    Ok(peer.expect_bytes())
}

/// What reading a CONNECT with these flags and this payload fails with.
fn reason_for(version: Version, flags: u8, payload: &[u8]) -> Option<ReasonCode> {
    let mut body = unhex("00 04 4d 51 54 54");
    body.extend([version.level(), flags, 0, 0]);
    if version.is_v5() {
        body.push(0);
    }
    body.extend(payload);
    let bytes = packet(0x10, &body);
    let frame = frame::parse(&bytes, version, frame::MAX_PACKET_SIZE).unwrap().unwrap();
    Packet::decode(&frame, version).err().map(|error| error.reason())
}

#[test]
fn v5_3_1_3_1_fields_come_in_their_order() {
    let mut options = options(Version::V5);
    options.client_id = "client".into();
    options.keep_alive = 0x0102;
    options.session_expiry = 0x0304_0506;
    options.will = Some(Will::new("will", "gone").qos(QoS::ExactlyOnce).delay(7));
    options.user_name = Some("user".into());
    options.password = Some(vec![0, 0xff]);
    let expected = [
        "10 39 00 04 4d 51 54 54 05 d6 01 02",
        "0a 11 03 04 05 06 27 01 00 00 00",
        "00 06 63 6c 69 65 6e 74",
        "05 18 00 00 00 07 00 04 77 69 6c 6c 00 04 67 6f 6e 65",
        "00 04 75 73 65 72",
        "00 02 00 ff",
    ];
    assert_eq!(hex(&try_connect(&options).unwrap()), expected.join(" "));
}

#[test]
fn v311_3_1_3_1_fields_come_in_their_order() {
    let mut options = options(Version::V3_1_1);
    options.client_id = "client".into();
    options.keep_alive = 0x0102;
    options.will = Some(Will::new("will", "gone").qos(QoS::AtLeastOnce).retain(true));
    options.user_name = Some("user".into());
    options.password = Some(vec![0, 0xff]);
    let expected = [
        "10 28 00 04 4d 51 54 54 04 ee 01 02",
        "00 06 63 6c 69 65 6e 74",
        "00 04 77 69 6c 6c 00 04 67 6f 6e 65",
        "00 04 75 73 65 72",
        "00 02 00 ff",
    ];
    assert_eq!(hex(&try_connect(&options).unwrap()), expected.join(" "));
}

fn the_client_identifier_is_present_and_first(version: Version) {
    let mut options = options(version);
    options.user_name = Some("u".into());
    let head = if version.is_v5() { "00 00 05 27 01 00 00 00 " } else { "00 00 " };
    let sent = hex(&try_connect(&options).unwrap());
    assert!(sent.ends_with(&format!("{head}00 01 63 00 01 75")), "{sent}");
    options.client_id.clear();
    let sent = hex(&try_connect(&options).unwrap());
    assert!(sent.ends_with(&format!("{head}00 00 00 01 75")), "{sent}");
    assert_eq!(reason_for(version, 2, &field(b"")), None);
    assert_eq!(reason_for(version, 2, b""), Some(ReasonCode::MalformedPacket));
}

#[test]
fn v5_3_1_3_3_the_client_identifier_is_present_and_first() {
    the_client_identifier_is_present_and_first(Version::V5);
}

#[test]
fn v311_3_1_3_3_the_client_identifier_is_present_and_first() {
    the_client_identifier_is_present_and_first(Version::V3_1_1);
}

/// Which of the strings in the payload a test is about.
#[derive(Clone, Copy)]
enum Text {
    ClientId,
    WillTopic,
    UserName,
}

impl Text {
    fn put(self, options: &mut ConnectOptions, text: &str) {
        match self {
            Self::ClientId => options.client_id = text.into(),
            Self::WillTopic => options.will = Some(Will::new(text, "m")),
            Self::UserName => options.user_name = Some(text.into()),
        }
    }

    /// Flags and payload of a CONNECT with these bytes as text.
    fn payload(self, version: Version, text: &[u8]) -> (u8, Vec<u8>) {
        let will_properties: &[u8] = if version.is_v5() { &[0] } else { &[] };
        match self {
            Self::ClientId => (0x02, field(text)),
            Self::WillTopic => {
                let will = [will_properties, &field(text), &field(b"m")].concat();
                (0x06, [field(b"c"), will].concat())
            }
            Self::UserName => (0x82, [field(b"c"), field(text)].concat()),
        }
    }
}

fn the_text_is_utf8(version: Version, which: Text) {
    let longest = format!("é{}", "a".repeat(65_533));
    let too_long = format!("é{}", "a".repeat(65_534));
    for (text, taken) in [("é𝄞", true), (&longest, true), (&too_long, false), ("a\0", false)] {
        let mut options = options(version);
        which.put(&mut options, text);
        let result = try_connect(&options);
        assert_eq!(result.is_ok(), taken, "{} bytes", text.len());
        if let Ok(bytes) = result {
            let wanted = field(text.as_bytes());
            assert!(bytes.windows(wanted.len()).any(|window| window == wanted));
        }
    }
    let read = |text: &[u8]| {
        let (flags, payload) = which.payload(version, text);
        reason_for(version, flags, &payload)
    };
    assert_eq!(read("é𝄞".as_bytes()), None);
    for bad in [&b"\xc3"[..], b"\xc0\xaf", b"\xed\xa0\x80", b"\xff", b"a\0"] {
        assert_eq!(read(bad), Some(ReasonCode::MalformedPacket), "{bad:?}");
    }
}

#[test]
fn v5_3_1_3_4_the_client_identifier_is_utf8() {
    the_text_is_utf8(Version::V5, Text::ClientId);
}

#[test]
fn v311_3_1_3_4_the_client_identifier_is_utf8() {
    the_text_is_utf8(Version::V3_1_1, Text::ClientId);
}

#[test]
fn v5_3_1_3_11_the_will_topic_is_utf8() {
    the_text_is_utf8(Version::V5, Text::WillTopic);
}

#[test]
fn v311_3_1_3_10_the_will_topic_is_utf8() {
    the_text_is_utf8(Version::V3_1_1, Text::WillTopic);
}

#[test]
fn v5_3_1_3_12_the_user_name_is_utf8() {
    the_text_is_utf8(Version::V5, Text::UserName);
}

#[test]
fn v311_3_1_3_11_the_user_name_is_utf8() {
    the_text_is_utf8(Version::V3_1_1, Text::UserName);
}

fn the_will_topic_is_a_topic_name(version: Version) {
    for (topic, error) in
        [("", TopicError::Empty), ("a/+", TopicError::Wildcard), ("#", TopicError::Wildcard)]
    {
        let mut options = options(version);
        options.will = Some(Will::new(topic, "m"));
        let result = try_connect(&options);
        assert_eq!(result, Err(EncodeError::InvalidTopic { field: "will topic", error }));
    }
}

#[test]
fn v5_4_7_0_1_the_will_topic_has_no_wildcard() {
    the_will_topic_is_a_topic_name(Version::V5);
}

#[test]
fn v311_4_7_1_1_the_will_topic_has_no_wildcard() {
    the_will_topic_is_a_topic_name(Version::V3_1_1);
}

#[test]
fn v311_3_1_3_7_an_empty_client_identifier_needs_a_clean_session() {
    let mut options = options(Version::V3_1_1);
    options.client_id.clear();
    assert!(hex(&try_connect(&options).unwrap()).ends_with("04 02 00 00 00 00"));
    options.clean_start = false;
    let error = try_connect(&options).unwrap_err();
    assert!(matches!(error, EncodeError::Contradiction { .. }), "{error}");
    options.client_id = "c".into();
    assert!(hex(&try_connect(&options).unwrap()).ends_with("04 00 00 00 00 01 63"));
}
