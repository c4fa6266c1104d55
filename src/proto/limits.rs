//! What the server has said it takes, checked before anything is sent.

use super::LimitError;
use crate::codec::topic::Filter;
use crate::codec::{ConnAck, Properties, PropertyId, QoS, frame};

/// The server's limits, as CONNACK gave them. Before MQTT 5.0 there are none but the encoding's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How many QoS 1 and 2 messages may await their acknowledgement; 1 to 65,535.
    pub receive_maximum: u16,
    /// The highest QoS the server takes.
    pub maximum_qos: QoS,
    /// Whether the server keeps retained messages.
    pub retain_available: bool,
    /// The largest packet the server takes, in bytes, fixed header included.
    pub maximum_packet_size: usize,
    /// How many topic aliases the server takes; 0 means none.
    pub topic_alias_maximum: u16,
    /// Whether filters may contain wildcards.
    pub wildcard_subscription_available: bool,
    /// Whether subscriptions may have an identifier.
    pub subscription_id_available: bool,
    /// Whether shared subscriptions are offered.
    pub shared_subscription_available: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self::from_properties(&Properties::new())
    }
}

impl Limits {
    pub(crate) fn from_connack(connack: &ConnAck<'_>) -> Self {
        Self::from_properties(&connack.properties)
    }

    fn from_properties(properties: &Properties<'_>) -> Self {
        let number = |id: PropertyId| properties.number(id).or(id.default_value());
        let short = |id| number(id).and_then(|n| u16::try_from(n).ok()).unwrap_or_default();
        let flag = |id| number(id) != Some(0);
        let qos = number(PropertyId::MaximumQoS).and_then(|n| QoS::from_u8(u8::try_from(n).ok()?));
        let size = number(PropertyId::MaximumPacketSize).and_then(|n| usize::try_from(n).ok());
        Self {
            receive_maximum: short(PropertyId::ReceiveMaximum),
            maximum_qos: qos.unwrap_or(QoS::ExactlyOnce),
            retain_available: flag(PropertyId::RetainAvailable),
            maximum_packet_size: size.unwrap_or(frame::MAX_PACKET_SIZE).min(frame::MAX_PACKET_SIZE),
            topic_alias_maximum: short(PropertyId::TopicAliasMaximum),
            wildcard_subscription_available: flag(PropertyId::WildcardSubscriptionAvailable),
            subscription_id_available: flag(PropertyId::SubscriptionIdentifierAvailable),
            shared_subscription_available: flag(PropertyId::SharedSubscriptionAvailable),
        }
    }

    pub(crate) fn check_publish(&self, qos: QoS, retain: bool) -> Result<(), LimitError> {
        if qos > self.maximum_qos {
            return Err(LimitError::MaximumQoS { qos, maximum: self.maximum_qos });
        }
        if retain && !self.retain_available {
            return Err(LimitError::RetainNotAvailable);
        }
        Ok(())
    }

    pub(crate) fn check_size(&self, size: usize) -> Result<(), LimitError> {
        let maximum = self.maximum_packet_size;
        if size > maximum {
            return Err(LimitError::MaximumPacketSize { size, maximum });
        }
        Ok(())
    }

    pub(crate) fn check_filter(&self, filter: &Filter<'_>) -> Result<(), LimitError> {
        if filter.share_name().is_some() && !self.shared_subscription_available {
            return Err(LimitError::SharedNotAvailable { filter: filter.as_str().to_owned() });
        }
        if filter.has_wildcard() && !self.wildcard_subscription_available {
            return Err(LimitError::WildcardNotAvailable { filter: filter.as_str().to_owned() });
        }
        Ok(())
    }

    pub(crate) fn check_subscription_id(&self, used: bool) -> Result<(), LimitError> {
        if used && !self.subscription_id_available {
            return Err(LimitError::SubscriptionIdNotAvailable);
        }
        Ok(())
    }
}
