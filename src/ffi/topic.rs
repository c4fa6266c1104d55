//! Topic names and filters.

use std::ffi::c_char;

use super::guard::{self, Failure};
use super::pointer::{out, text};
use super::status::mqttlink_status;
use crate::codec::TopicError;
use crate::codec::topic::{self, Filter};

fn failure(status: mqttlink_status, text: &str, error: &TopicError) -> Failure {
    Failure::new(status, format!("{text:?}: {error}"))
}

/// Whether a topic name is valid: 1 to 65,535 bytes, no wildcard (section 4.7). Needs no client.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_topic_check_name(name: *const c_char) -> mqttlink_status {
    guard::call(|| {
        let name = text(name, "name")?;
        let invalid = mqttlink_status::MQTTLINK_ERROR_INVALID_TOPIC;
        topic::check_name(name).map_err(|error| failure(invalid, name, &error))
    })
}

/// Whether a topic filter is valid by the rules of MQTT 5.0, shared subscriptions included.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_topic_check_filter(filter: *const c_char) -> mqttlink_status {
    guard::call(|| parse(text(filter, "filter")?).map(drop))
}

/// Whether messages with this topic name go to a subscription with this filter. Checks both. For a
/// shared subscription `$share/NAME/FILTER` the filter behind the name counts.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_topic_matches(
    filter: *const c_char,
    name: *const c_char,
    matches: *mut bool,
) -> mqttlink_status {
    guard::call(|| {
        let (filter, name) = (text(filter, "filter")?, text(name, "name")?);
        let place = out(matches, "matches")?;
        let filter = parse(filter)?;
        let invalid = mqttlink_status::MQTTLINK_ERROR_INVALID_TOPIC;
        topic::check_name(name).map_err(|error| failure(invalid, name, &error))?;
        place.put(filter.matches(name));
        Ok(())
    })
}

pub(super) fn parse(filter: &str) -> Result<Filter<'_>, Failure> {
    let invalid = mqttlink_status::MQTTLINK_ERROR_INVALID_FILTER;
    Filter::parse(filter).map_err(|error| failure(invalid, filter, &error))
}
