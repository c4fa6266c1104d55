//! SUBSCRIBE and UNSUBSCRIBE.

use std::sync::Arc;

use super::Core;
use crate::broker::hooks::{Action, BrokerEvent};
use crate::broker::slots::Key;
use crate::broker::subscriptions::{Change, Subscription};
use crate::codec::topic::Filter;
use crate::codec::{
    PropertyId, QoS, ReasonCode, RetainHandling, SubscribeOptions, TopicError, Version,
};
use crate::proto::{SubscribeReceived, UnsubscribeReceived, reason_string};

impl Core {
    pub(super) fn subscribe(&mut self, key: Key, request: &SubscribeReceived) {
        let Some(connection) = self.connections.get(key) else { return };
        let Some(session) = connection.session else { return };
        // It has no word for a refusal: the subscription is granted, and nothing comes.
        let is_mute = connection.protocol.version() == Version::V3_1;
        let id = request.properties.number(PropertyId::SubscriptionIdentifier).unwrap_or_default();
        // All filters are treated as if they came one by one [MQTT-3.8.4-5]; the retained messages
        // follow the answer.
        let mut reasons = Vec::with_capacity(request.filters.len());
        let mut changes = Vec::new();
        for (filter, options) in &request.filters {
            let qos = options.qos.min(self.protocol.maximum_qos);
            let options = SubscribeOptions { qos, ..*options };
            let result = self.subscribe_to(session, filter, options, id);
            reasons.push(match result {
                Ok(change) => {
                    changes.push((filter.as_str(), options, change));
                    granted(options.qos)
                }
                Err(_) if is_mute => granted(options.qos),
                Err(reason) => reason,
            });
        }
        reasons.resize(reasons.len() + request.excess, ReasonCode::QuotaExceeded);
        self.statistics.drops.subscriptions += u64::try_from(request.excess).unwrap_or_default();
        let Some(connection) = self.connections.get_mut(key) else { return };
        let full = reasons.contains(&ReasonCode::QuotaExceeded);
        let why =
            if full { "there are too many subscriptions, or too many in one packet" } else { "" };
        connection.protocol.suback(request.packet_id, reasons, reason_string(why));
        for (filter, options, change) in changes {
            self.begin_catch_up(session, filter, options, id, change);
        }
    }

    fn subscribe_to(
        &mut self,
        key: Key,
        text: &str,
        options: SubscribeOptions,
        id: u32,
    ) -> Result<Change, ReasonCode> {
        let filter = parse(text).map_err(|_| ReasonCode::TopicFilterInvalid)?;
        if self.has_too_many_levels(text) {
            return Err(ReasonCode::TopicFilterInvalid);
        }
        // A client of MQTT 5.0 was told, and disconnected if it asked all the same.
        if filter.has_wildcard() && !self.protocol.wildcard_subscription_available {
            return Err(ReasonCode::WildcardSubscriptionsNotSupported);
        }
        if filter.share_name().is_some() && !self.protocol.shared_subscription_available {
            return Err(ReasonCode::SharedSubscriptionsNotSupported);
        }
        let session = self.sessions.get(key).ok_or(ReasonCode::UnspecifiedError)?;
        let action = Action::Subscribe { filter, qos: options.qos };
        if !self.hooks.allows(&session.client, &action) {
            return Err(ReasonCode::NotAuthorized);
        }
        let own = session.subscriptions.len();
        let known = session.subscriptions.contains_key(text);
        let full = own >= self.limits.subscriptions_per_client
            || self.subscriptions.count() >= self.limits.subscriptions;
        let full = full || !self.has_room_for_filter(key, text);
        if full && !known {
            self.statistics.drops.subscriptions += 1;
            return Err(ReasonCode::QuotaExceeded);
        }
        let change = self.add_subscription(key, &filter, options, id);
        let client = self.sessions.get(key).map(|session| Arc::clone(&session.client));
        if let Some(client) = client {
            let (filter, qos) = (text.to_owned(), options.qos);
            self.tell(|| BrokerEvent::Subscribed { client, filter, qos });
        }
        Ok(change)
    }

    pub(super) fn add_subscription(
        &mut self,
        key: Key,
        filter: &Filter<'_>,
        options: SubscribeOptions,
        id: u32,
    ) -> Change {
        let change = self.subscriptions.insert(filter, Subscription { session: key, options, id });
        if let Some(session) = self.sessions.get_mut(key)
            && session.subscriptions.insert(filter.as_str().into(), options).is_none()
        {
            self.hold_filter(key, filter.as_str());
        }
        if change == Change::New {
            self.sys_subscribed(filter.pattern());
        }
        change
    }

    /// [MQTT-3.3.1-9] to [MQTT-3.3.1-11]; a shared subscription gets none.
    fn begin_catch_up(
        &mut self,
        key: Key,
        text: &str,
        options: SubscribeOptions,
        id: u32,
        change: Change,
    ) {
        let Ok(filter) = parse(text) else { return };
        let wanted = match options.retain_handling {
            RetainHandling::Send => true,
            RetainHandling::SendIfNew => change == Change::New,
            RetainHandling::DoNotSend => false,
        };
        if filter.share_name().is_some() {
            return;
        }
        if wanted {
            self.open_cursor(key, &filter, options, id);
        } else {
            self.change_cursor(key, text, options, id);
        }
    }

    pub(super) fn unsubscribe(&mut self, key: Key, request: &UnsubscribeReceived) {
        let Some(connection) = self.connections.get(key) else { return };
        let Some(session_key) = connection.session else { return };
        if request.excess > 0 && !connection.protocol.version().is_v5() {
            // It cannot be told that they were not looked at.
            let why = "too many filters in one packet";
            return self.close_with(key, ReasonCode::QuotaExceeded, why);
        }
        let mut reasons = Vec::with_capacity(request.filters.len());
        for filter in &request.filters {
            let Some(session) = self.sessions.get_mut(session_key) else { return };
            if session.subscriptions.remove(filter.as_str()).is_none() {
                reasons.push(ReasonCode::NoSubscriptionExisted);
                continue;
            }
            let client = Arc::clone(&session.client);
            self.close_cursor(session_key, filter);
            self.remove_subscription(session_key, filter);
            self.tell(|| BrokerEvent::Unsubscribed { client, filter: filter.clone() });
            reasons.push(ReasonCode::Success);
        }
        let excess = ReasonCode::ImplementationSpecificError;
        reasons.resize(reasons.len() + request.excess, excess);
        if let Some(connection) = self.connections.get_mut(key) {
            connection.protocol.unsuback(request.packet_id, reasons);
        }
    }

    /// Takes a subscription out of the table that all sessions share.
    pub(super) fn remove_subscription(&mut self, key: Key, text: &str) {
        self.release_filter(key, text);
        if let Ok(filter) = parse(text)
            && self.subscriptions.remove(&filter, key)
        {
            self.sys_unsubscribed(filter.pattern());
        }
    }
}

/// A filter by the rules of MQTT 5.0. Shared subscriptions are offered to clients of MQTT 3 too;
/// what is not one there is a filter like others.
pub(super) fn parse(text: &str) -> Result<Filter<'_>, TopicError> {
    Filter::parse(text).or_else(|_| Filter::parse_plain(text))
}

const fn granted(qos: QoS) -> ReasonCode {
    match qos {
        QoS::AtMostOnce => ReasonCode::Success,
        QoS::AtLeastOnce => ReasonCode::GrantedQoS1,
        QoS::ExactlyOnce => ReasonCode::GrantedQoS2,
    }
}
