//! Everything about a broker that is a number.

#![allow(dead_code, reason = "the names are for C: only the header mentions all of them")]

use std::time::Duration;

use super::options::{Settings, change, mqttlink_broker_options};
use super::wrong;
use crate::QoS;
use crate::broker::{BrokerLimits, Overflow, SessionOverflow};
use crate::ffi::guard::{self, Failure};
use crate::ffi::pointer::{given, out};
use crate::ffi::status::mqttlink_status;
use crate::proto::ServerConfig;

/// What about a broker is a number. Limits bound what clients can make it hold; whatever is refused or
/// dropped for one of them is counted in `mqttlink_broker_counters`.
#[repr(i32)]
pub enum mqttlink_broker_setting {
    /// Connections at the same time; a further one is closed at once. Default: 10,000.
    MQTTLINK_BROKER_CONNECTIONS = 0,
    /// Sessions, connected ones included. Default: 100,000.
    MQTTLINK_BROKER_SESSIONS = 1,
    /// Subscriptions of one session; a further one is refused with "quota exceeded". Default: 1,000.
    MQTTLINK_BROKER_SUBSCRIPTIONS_PER_CLIENT = 2,
    /// Subscriptions in all. Default: 1,000,000.
    MQTTLINK_BROKER_SUBSCRIPTIONS = 3,
    /// Levels of a topic name or filter. Default: 200.
    MQTTLINK_BROKER_TOPIC_LEVELS = 4,
    /// Messages that wait for one client, beside those in flight. Default: 10,000.
    MQTTLINK_BROKER_QUEUED_MESSAGES_PER_CLIENT = 5,
    /// Bytes of messages that wait for one client; as many may be in flight to it beside them. Default:
    /// 16 MiB.
    MQTTLINK_BROKER_QUEUED_BYTES_PER_CLIENT = 6,
    /// Bytes of messages that wait for all clients or are in flight to them. Default: 256 MiB.
    MQTTLINK_BROKER_QUEUED_BYTES = 7,
    /// What happens when one of these queues is full: a `mqttlink_overflow`. Default:
    /// `MQTTLINK_DROP_NEWEST`.
    MQTTLINK_BROKER_OVERFLOW = 8,
    /// Retained messages; a further one is not kept. Default: 100,000.
    MQTTLINK_BROKER_RETAINED_MESSAGES = 9,
    /// Bytes of retained messages, with their topics once more and 250 for each. Default: 128 MiB.
    MQTTLINK_BROKER_RETAINED_BYTES = 10,
    /// How many milliseconds a slow authentication may take before the client is refused with "server
    /// busy". Default: 30,000 ms.
    MQTTLINK_BROKER_AUTHENTICATION_MS = 11,
    /// How many clients may wait for their authentication; a further one is refused with "server busy".
    /// Default: 1,000.
    MQTTLINK_BROKER_AUTHENTICATIONS = 12,
    /// How many milliseconds a connection that is being closed is given to take what is left for it.
    /// Default: 2,000 ms.
    MQTTLINK_BROKER_CLOSING_MS = 13,
    /// What happens when a client comes above `MQTTLINK_BROKER_SESSIONS`: a `mqttlink_session_overflow`.
    /// Default: `MQTTLINK_EVICT_OLDEST_SESSION`.
    MQTTLINK_BROKER_SESSION_OVERFLOW = 14,
    /// Filters of one SUBSCRIBE or UNSUBSCRIBE; those behind are refused. A client of MQTT 3 is disconnected
    /// if they are in an UNSUBSCRIBE. Default: 1,000.
    MQTTLINK_BROKER_FILTERS_PER_SUBSCRIBE = 15,
    /// Bytes of the filters and the will of one client, with about 250 for each level of a filter, and 150
    /// for each message of QoS 2 that it has sent and not released. A further filter or will is refused with
    /// "quota exceeded"; for a further message the client is disconnected and its session ends. Default: 8
    /// MiB.
    MQTTLINK_BROKER_HELD_BYTES_PER_CLIENT = 16,
    /// The same of all clients, with the beginnings of packets whose rest has not come and what waits for an
    /// authentication. A filter or will for which there is no room is refused with "quota exceeded", a
    /// connection whose packet finds none is closed. Default: 256 MiB.
    MQTTLINK_BROKER_HELD_BYTES = 17,
    /// How many milliseconds CONNECT may take, and each answer in an authentication exchange. Default:
    /// 10,000 ms.
    MQTTLINK_BROKER_CONNECT_TIMEOUT_MS = 100,
    /// The largest packet that is taken, in bytes, fixed header included. Default: 2,000,000.
    MQTTLINK_BROKER_MAXIMUM_PACKET_SIZE = 101,
    /// How many messages of QoS 1 and 2 a client may have in flight, 1 to 65,535. MQTT 5.0 only. Default:
    /// 1,024.
    MQTTLINK_BROKER_RECEIVE_MAXIMUM = 102,
    /// How many topic aliases a client may use, at most 65,535. MQTT 5.0 only. Default: 64.
    MQTTLINK_BROKER_TOPIC_ALIAS_MAXIMUM = 103,
    /// How many topic aliases the broker uses, if the client takes that many. Default: 64.
    MQTTLINK_BROKER_TOPIC_ALIASES = 104,
    /// The longest keep alive in seconds, at most 65,535; a client that asks for more is told this one in
    /// MQTT 5.0. 0: whatever the client asks for. Default: 0.
    MQTTLINK_BROKER_KEEP_ALIVE_MAX_S = 105,
    /// The longest session expiry in seconds; 4,294,967,295 is for ever. Default: for ever.
    MQTTLINK_BROKER_SESSION_EXPIRY_MAX_S = 106,
    /// The highest QoS at which messages are taken. Default: 2.
    MQTTLINK_BROKER_MAXIMUM_QOS = 107,
    /// Whether retained messages are kept, 0 or 1. Default: 1.
    MQTTLINK_BROKER_RETAIN_AVAILABLE = 108,
    /// Whether filters may contain wildcards, 0 or 1. Default: 1.
    MQTTLINK_BROKER_WILDCARD_AVAILABLE = 109,
    /// Whether subscriptions may have an identifier, 0 or 1. Default: 1.
    MQTTLINK_BROKER_SUBSCRIPTION_ID_AVAILABLE = 110,
    /// Whether shared subscriptions are offered, 0 or 1. Default: 1.
    MQTTLINK_BROKER_SHARED_AVAILABLE = 111,
    /// How many messages of QoS 1 and 2 are sent to a client that has not acknowledged them, 1 to 65,535,
    /// if it takes that many. Default: 1,024.
    MQTTLINK_BROKER_WINDOW = 112,
    /// Whether every client from every machine is taken although nobody asks who it is, 0 or 1. Default:
    /// 0.
    MQTTLINK_BROKER_ALLOW_ANONYMOUS = 200,
    /// How many authentications go on at the same time, each on a thread; 1 or more. Default: 2.
    MQTTLINK_BROKER_AUTHENTICATION_THREADS = 201,
    /// Whether a client of MQTT 3 that publishes what it may not is disconnected, 0 or 1; otherwise its
    /// message is acknowledged and dropped. Default: 0.
    MQTTLINK_BROKER_DISCONNECT_ON_REFUSED_PUBLISH = 202,
    /// How often `$SYS` is published while somebody is subscribed to it, in milliseconds; 0 turns it off.
    /// Default: 10,000 ms.
    MQTTLINK_BROKER_SYS_INTERVAL_MS = 203,
    /// From what the client identifiers are made that the broker chooses, so that a test has the same ones
    /// every time, which others can guess. Default: none, and the system's random numbers are used; 1 for
    /// tests.
    MQTTLINK_BROKER_SEED = 204,
}

/// What happens to a message for a client whose queue is full.
#[repr(i32)]
pub enum mqttlink_overflow {
    /// The new message is dropped.
    MQTTLINK_DROP_NEWEST = 0,
    /// The message that has waited longest is dropped.
    MQTTLINK_DROP_OLDEST = 1,
    /// The client is disconnected with "quota exceeded", and the new message is dropped.
    MQTTLINK_DISCONNECT_CLIENT = 2,
}

/// What happens to a new client when there are as many sessions as may be.
#[repr(i32)]
pub enum mqttlink_session_overflow {
    /// The session whose client has been away for longest ends, as if it had expired. While all clients
    /// are connected, the new one is refused.
    MQTTLINK_EVICT_OLDEST_SESSION = 0,
    /// The new client is refused with "quota exceeded".
    MQTTLINK_REFUSE_SESSION = 1,
}

/// Where a number belongs.
enum Place<'a> {
    Size(&'a mut usize, u64),
    Short(&'a mut u16, u64),
    Word(&'a mut u32),
    Milliseconds(&'a mut Duration),
    Flag(&'a mut bool),
    Qos(&'a mut QoS),
    Overflow(&'a mut Overflow),
    Sessions(&'a mut SessionOverflow),
    KeepAlive(&'a mut Option<u16>),
    Seed(&'a mut Option<u64>),
}

impl Settings {
    fn place(&mut self, setting: i32) -> Option<Place<'_>> {
        Some(match setting {
            0..100 => return limit(&mut self.limits, setting),
            100..200 => return offer(&mut self.protocol, setting),
            200 => Place::Flag(&mut self.allow_anonymous),
            201 => Place::Size(&mut self.authentication_threads, 1),
            202 => Place::Flag(&mut self.disconnect_on_refused_publish),
            203 => Place::Milliseconds(&mut self.sys_interval),
            204 => Place::Seed(&mut self.seed),
            _ => return None,
        })
    }
}

fn limit(limits: &mut BrokerLimits, setting: i32) -> Option<Place<'_>> {
    Some(match setting {
        0 => Place::Size(&mut limits.connections, 0),
        1 => Place::Size(&mut limits.sessions, 0),
        2 => Place::Size(&mut limits.subscriptions_per_client, 0),
        3 => Place::Size(&mut limits.subscriptions, 0),
        4 => Place::Size(&mut limits.topic_levels, 0),
        5 => Place::Size(&mut limits.queued_messages_per_client, 0),
        6 => Place::Size(&mut limits.queued_bytes_per_client, 0),
        7 => Place::Size(&mut limits.queued_bytes, 0),
        8 => Place::Overflow(&mut limits.overflow),
        9 => Place::Size(&mut limits.retained_messages, 0),
        10 => Place::Size(&mut limits.retained_bytes, 0),
        11 => Place::Milliseconds(&mut limits.authentication),
        12 => Place::Size(&mut limits.authentications, 0),
        13 => Place::Milliseconds(&mut limits.closing),
        14 => Place::Sessions(&mut limits.session_overflow),
        15 => Place::Size(&mut limits.filters_per_subscribe, 0),
        16 => Place::Size(&mut limits.held_bytes_per_client, 0),
        17 => Place::Size(&mut limits.held_bytes, 0),
        _ => return None,
    })
}

fn offer(offer: &mut ServerConfig, setting: i32) -> Option<Place<'_>> {
    Some(match setting {
        100 => Place::Milliseconds(&mut offer.connect_timeout),
        101 => Place::Size(&mut offer.maximum_packet_size, 0),
        102 => Place::Short(&mut offer.receive_maximum, 1),
        103 => Place::Short(&mut offer.topic_alias_maximum, 0),
        104 => Place::Short(&mut offer.topic_aliases, 0),
        105 => Place::KeepAlive(&mut offer.keep_alive_max),
        106 => Place::Word(&mut offer.session_expiry_max),
        107 => Place::Qos(&mut offer.maximum_qos),
        108 => Place::Flag(&mut offer.retain_available),
        109 => Place::Flag(&mut offer.wildcard_subscription_available),
        110 => Place::Flag(&mut offer.subscription_id_available),
        111 => Place::Flag(&mut offer.shared_subscription_available),
        112 => Place::Short(&mut offer.window, 1),
        _ => return None,
    })
}

/// The number, if it can be one of the type, and not too small.
fn fit<T: TryFrom<u64>>(number: u64, min: u64) -> Option<T> {
    T::try_from(number).ok().filter(|_| number >= min)
}

impl Place<'_> {
    /// `None` if the number does not fit.
    fn set(self, number: u64) -> Option<()> {
        match self {
            Self::Size(place, min) => *place = fit(number, min)?,
            Self::Short(place, min) => *place = fit(number, min)?,
            Self::Word(place) => *place = fit(number, 0)?,
            Self::Milliseconds(place) => *place = Duration::from_millis(number),
            Self::Flag(place) => *place = fit::<u8>(number, 0).filter(|flag| *flag < 2)? == 1,
            Self::Qos(place) => *place = fit(number, 0).and_then(QoS::from_u8)?,
            Self::KeepAlive(place) => *place = Some(fit(number, 0)?).filter(|limit| *limit > 0),
            Self::Seed(place) => *place = Some(number),
            Self::Overflow(place) => {
                *place = match number {
                    0 => Overflow::DropNewest,
                    1 => Overflow::DropOldest,
                    2 => Overflow::Disconnect,
                    _ => return None,
                };
            }
            Self::Sessions(place) => {
                *place = match number {
                    0 => SessionOverflow::EvictOldest,
                    1 => SessionOverflow::Refuse,
                    _ => return None,
                };
            }
        }
        Some(())
    }

    fn get(self) -> Option<u64> {
        Some(match self {
            Self::Size(place, _) => u64::try_from(*place).unwrap_or(u64::MAX),
            Self::Short(place, _) => (*place).into(),
            Self::Word(place) => (*place).into(),
            Self::Milliseconds(place) => u64::try_from(place.as_millis()).unwrap_or(u64::MAX),
            Self::Flag(place) => (*place).into(),
            Self::Qos(place) => place.number().into(),
            Self::KeepAlive(place) => place.unwrap_or_default().into(),
            Self::Seed(place) => (*place)?,
            Self::Overflow(place) => *place as u64,
            Self::Sessions(place) => *place as u64,
        })
    }
}

fn found(settings: &mut Settings, setting: i32) -> Result<Place<'_>, Failure> {
    let wrong = || wrong("setting", setting, "a mqttlink_broker_setting");
    settings.place(setting).ok_or_else(wrong)
}

/// Sets one of the numbers, a `mqttlink_broker_setting`. `MQTTLINK_ERROR_NUMBER` if there is no such
/// setting, or if it cannot be this number.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_options_set(
    options: *mut mqttlink_broker_options,
    setting: i32,
    number: u64,
) -> mqttlink_status {
    change(options, |settings| {
        let set = found(settings, setting)?.set(number);
        set.ok_or_else(|| wrong("number", number, &format!("what setting {setting} says")))
    })
}

/// What one of the numbers is. `MQTTLINK_ERROR_NOT_FOUND` for a seed that was not set.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_options_get(
    options: *const mqttlink_broker_options,
    setting: i32,
    number: *mut u64,
) -> mqttlink_status {
    guard::call(|| {
        let (options, place) = (given(options, "options")?, out(number, "number")?);
        let found = found(&mut options.lock(), setting)?.get();
        place.put(found.ok_or_else(|| Failure::plain(mqttlink_status::MQTTLINK_ERROR_NOT_FOUND))?);
        Ok(())
    })
}
