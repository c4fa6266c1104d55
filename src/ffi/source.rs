//! What a message for C is read from: one that a client received, or one inside a broker.

use std::sync::Arc;

use crate::broker::Draft;
use crate::proto::Publication;
use crate::{Message, Properties, QoS};

/// Where a message is, and whose it is.
pub(super) enum Source {
    Lent(*const Message),
    Owned(Message),
    LentPublication(*const Publication),
    Publication(Arc<Publication>),
    LentDraft(*const Draft),
    Draft(Draft),
}

/// The message itself.
#[derive(Clone, Copy)]
pub(super) enum View<'a> {
    Client(&'a Message),
    Broker(&'a Publication),
    Draft(&'a Draft),
}

impl Source {
    pub(super) fn view(&self) -> View<'_> {
        match self {
            // SAFETY: it points at what was lent for a call that goes on.
            Self::Lent(message) => View::Client(unsafe { &**message }),
            Self::Owned(message) => View::Client(message),
            // SAFETY: as above.
            Self::LentPublication(message) => View::Broker(unsafe { &**message }),
            Self::Publication(message) => View::Broker(message),
            // SAFETY: as above.
            Self::LentDraft(message) => View::Draft(unsafe { &**message }),
            Self::Draft(message) => View::Draft(message),
        }
    }

    pub(super) const fn is_owned(&self) -> bool {
        matches!(self, Self::Owned(_) | Self::Publication(_) | Self::Draft(_))
    }

    /// The same message, to be kept.
    pub(super) fn copied(&self) -> Self {
        match (self, self.view()) {
            (Self::Publication(message), _) => Self::Publication(Arc::clone(message)),
            (_, View::Client(message)) => Self::Owned(message.apart()),
            (_, View::Draft(message)) => Self::Draft(message.clone()),
            (_, View::Broker(message)) => Self::Draft(Draft {
                topic: message.topic().to_owned(),
                payload: message.payload().to_vec().into(),
                qos: message.qos(),
                retain: message.retain(),
                properties: message.properties().into_owned(),
            }),
        }
    }
}

impl<'a> View<'a> {
    pub(super) fn topic(self) -> &'a str {
        match self {
            Self::Client(message) => message.topic(),
            Self::Broker(message) => message.topic(),
            Self::Draft(message) => &message.topic,
        }
    }

    pub(super) fn payload(self) -> &'a [u8] {
        match self {
            Self::Client(message) => message.payload(),
            Self::Broker(message) => message.payload(),
            Self::Draft(message) => &message.payload,
        }
    }

    pub(super) fn qos(self) -> QoS {
        match self {
            Self::Client(message) => message.qos(),
            Self::Broker(message) => message.qos(),
            Self::Draft(message) => message.qos,
        }
    }

    pub(super) fn retain(self) -> bool {
        match self {
            Self::Client(message) => message.retain(),
            Self::Broker(message) => message.retain(),
            Self::Draft(message) => message.retain,
        }
    }

    pub(super) fn properties(self) -> Properties<'static> {
        match self {
            Self::Client(message) => message.properties().into_owned(),
            Self::Broker(message) => message.properties().into_owned(),
            Self::Draft(message) => message.properties.clone(),
        }
    }

    pub(super) fn has_properties(self) -> bool {
        !match self {
            Self::Client(message) => message.properties().is_empty(),
            Self::Broker(message) => message.properties().is_empty(),
            Self::Draft(message) => message.properties.is_empty(),
        }
    }

    /// The message as a client has it, which can be acknowledged.
    pub(super) const fn client(self) -> Option<&'a Message> {
        match self {
            Self::Client(message) => Some(message),
            Self::Broker(_) | Self::Draft(_) => None,
        }
    }
}
