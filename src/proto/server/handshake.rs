//! From CONNECT to CONNACK, and authentication.

use super::{
    AuthRequest, Client, ConnectRequest, Phase, Publication, ServerConnection, ServerEvent,
    SessionState, WillReceived, reason_string,
};
use crate::codec::{
    Auth, ConnAck, Connect, DecodeError, EncodeError, PacketType, Properties, PropertyId, QoS,
    ReasonCode, Sender, Version, frame,
};
use crate::proto::outbound::{Quota, put_release};
use crate::proto::{Payload, ProtocolError, Time};

/// How a client is accepted.
#[derive(Debug, Default)]
pub struct Accept {
    /// The session that goes on; `None` begins a new one.
    pub session: Option<SessionState>,
    /// The client identifier, if the server has chosen it.
    pub assigned_client_id: Option<String>,
    /// What the client is to know beside the limits: response information, a reason string, user
    /// properties, authentication data. Not sent before MQTT 5.0.
    pub properties: Properties<'static>,
}

impl ServerConnection {
    /// CONNECT has come: it is looked at before anybody is asked.
    pub(super) fn receive_connect(
        &mut self,
        header: &frame::Header,
        body: &[u8],
    ) -> Result<(), ProtocolError> {
        if self.phase != Phase::Waiting {
            let when = "a second time [MQTT-3.1.0-2]";
            return Err(ProtocolError::Unexpected { packet: PacketType::Connect, when });
        }
        let decoded = Connect::decode(body);
        let checked = decoded.and_then(|it| header.check(it.version).map(|()| it));
        let connect = match checked {
            Ok(connect) => connect,
            Err(error) => return self.refuse_malformed(body, error),
        };
        self.version = connect.version;
        self.phase = Phase::Connecting { ours: true };
        self.patience = None;
        self.client = Client::new(&connect);
        if let Some((reason, why)) = self.unacceptable(&connect) {
            self.refuse(reason, reason_string(why));
            let what = "what this server does not take";
            let packet = PacketType::Connect;
            self.events.push_back(ServerEvent::Failed(ProtocolError::NotOffered {
                packet,
                what,
                reason,
            }));
            return Ok(());
        }
        let request = self.request(&connect);
        self.client.session_expiry = request.session_expiry;
        self.events.push_back(ServerEvent::Connect(Box::new(request)));
        Ok(())
    }

    /// A CONNECT that cannot be read. MQTT 5.0 may be told why; before, only an unknown version is
    /// answered, in the form of the version that it resembles [MQTT-3.1.2-2] [MQTT-3.1.4-1].
    fn refuse_malformed(&mut self, body: &[u8], error: DecodeError) -> Result<(), ProtocolError> {
        match error {
            DecodeError::ProtocolLevel { .. } => {
                self.version = Connect::nearest_version(body);
                self.put_refusal(ReasonCode::UnsupportedProtocolVersion, Properties::new());
            }
            DecodeError::ProtocolName => {}
            // Name and level were read: the level is behind the name.
            _ if body.get(6) == Some(&Version::V5.level()) => {
                self.version = Version::V5;
                self.phase = Phase::Connecting { ours: false };
            }
            _ => {}
        }
        Err(error.into())
    }

    /// Why this server never accepts such a CONNECT, whoever sends it.
    fn unacceptable(&self, connect: &Connect<'_>) -> Option<(ReasonCode, &'static str)> {
        let config = &self.config;
        if !config.versions.contains(&connect.version) {
            let why = "this address is for other versions of MQTT";
            return Some((ReasonCode::UnsupportedProtocolVersion, why));
        }
        let old = !connect.version.is_v5();
        let needs_id = connect.version == Version::V3_1 || (old && !connect.clean_start);
        if connect.client_id.is_empty() && needs_id {
            return Some((ReasonCode::ClientIdNotValid, ""));
        }
        match &connect.will {
            Some(will) if will.qos > config.maximum_qos => {
                Some((ReasonCode::QoSNotSupported, "the will has a QoS above the maximum"))
            }
            Some(will) if will.retain && !config.retain_available => {
                let why = "the will is to be retained, and this server keeps no such messages";
                Some((ReasonCode::RetainNotSupported, why))
            }
            _ => None,
        }
    }

    fn request(&self, connect: &Connect<'_>) -> ConnectRequest {
        let will = connect.will.as_ref().map(|will| WillReceived {
            message: Publication::new(
                self.now,
                will.topic,
                &will.properties,
                &Payload::Borrowed(will.payload),
                will.qos,
                will.retain,
            ),
            delay: will.properties.number(PropertyId::WillDelayInterval).unwrap_or_default(),
        });
        let lives_on = if connect.clean_start { 0 } else { u32::MAX };
        let v5 = connect.version.is_v5();
        let asked = if v5 { self.client.session_expiry_asked } else { lives_on };
        ConnectRequest {
            version: connect.version,
            client_id: connect.client_id.to_owned(),
            clean_start: connect.clean_start,
            keep_alive: connect.keep_alive,
            session_expiry: asked.min(self.config.session_expiry_max),
            user_name: connect.user_name.map(str::to_owned),
            password: connect.password.map(<[u8]>::to_vec),
            will,
            properties: connect.properties.clone().into_owned(),
        }
    }

    /// Accepts the client: CONNACK is queued and, if a session goes on, everything that is to be
    /// sent again. Input is handled again from here on.
    ///
    /// Nothing happens if the client is not waiting for an answer.
    pub fn accept(&mut self, now: Time, accept: Accept) {
        self.now = now;
        if !matches!(self.phase, Phase::Connecting { .. }) {
            return;
        }
        let session_present = accept.session.is_some();
        let packet = ConnAck {
            session_present,
            reason: ReasonCode::Success,
            properties: self.connack_properties(&accept).unwrap_or_default(),
        };
        let out = self.out.buffer().inline_mut();
        if packet.encode(self.version, self.client.packet_max, out).is_err() {
            // Not even the necessary properties fit: nothing useful can be said to this client.
            self.phase = Phase::Closing;
            return;
        }
        self.packets_sent += 1;
        self.phase = Phase::Connected;
        self.patience = None;
        self.last_received = self.now;
        let seconds = std::time::Duration::from_secs(self.keep_alive().into());
        self.silence = (!seconds.is_zero()).then_some(seconds * 3 / 2);
        self.begin_session(accept.session.unwrap_or_default());
    }

    fn begin_session(&mut self, session: SessionState) {
        let v5 = self.version.is_v5();
        self.session = session;
        let SessionState { outbound, inbound } = &mut self.session;
        inbound.begin(if v5 { self.config.receive_maximum } else { u16::MAX });
        outbound.begin();
        let messages = self.client.receive_maximum.min(self.config.window.max(1)).into();
        outbound.set_quota(Quota { messages, exactly_once: messages });
        self.aliases_in.reset(if v5 { self.config.topic_alias_maximum } else { 0 });
        self.aliases_out.reset(self.client.topic_alias_maximum.min(self.config.topic_aliases));
        for id in outbound.resume() {
            put_release(id, self.out.buffer());
            self.packets_sent += 1;
        }
        self.resend();
    }

    /// The keep alive in force, in seconds.
    #[must_use]
    pub fn keep_alive(&self) -> u16 {
        let asked = self.client.keep_alive;
        match self.config.keep_alive_max {
            // Before MQTT 5.0 the client cannot be told another one.
            Some(max) if self.version.is_v5() && (asked == 0 || asked > max) => max,
            _ => asked,
        }
    }

    fn connack_properties(&self, accept: &Accept) -> Result<Properties<'static>, EncodeError> {
        let mut properties = Properties::new();
        if !self.version.is_v5() {
            return Ok(properties);
        }
        let (config, client) = (&self.config, &self.client);
        let mut number = |id: PropertyId, value: u32, default: u32| {
            if value == default { Ok(()) } else { properties.set_u32(id, value) }
        };
        let expiry = client.session_expiry;
        number(PropertyId::SessionExpiryInterval, expiry, client.session_expiry_asked)?;
        number(PropertyId::ReceiveMaximum, config.receive_maximum.into(), 65_535)?;
        if config.maximum_qos != QoS::ExactlyOnce {
            number(PropertyId::MaximumQoS, config.maximum_qos.number().into(), 2)?;
        }
        number(PropertyId::RetainAvailable, config.retain_available.into(), 1)?;
        let size = config.maximum_packet_size.min(frame::MAX_PACKET_SIZE);
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        number(PropertyId::MaximumPacketSize, size, 268_435_460)?;
        number(PropertyId::TopicAliasMaximum, config.topic_alias_maximum.into(), 0)?;
        let flag = u32::from;
        number(
            PropertyId::WildcardSubscriptionAvailable,
            flag(config.wildcard_subscription_available),
            1,
        )?;
        number(
            PropertyId::SubscriptionIdentifierAvailable,
            flag(config.subscription_id_available),
            1,
        )?;
        number(
            PropertyId::SharedSubscriptionAvailable,
            flag(config.shared_subscription_available),
            1,
        )?;
        number(PropertyId::ServerKeepAlive, self.keep_alive().into(), client.keep_alive.into())?;
        if let Some(id) = &accept.assigned_client_id {
            properties.set_text(PropertyId::AssignedClientIdentifier, id)?;
        }
        if let Some(method) = &client.authentication_method {
            properties.set_text(PropertyId::AuthenticationMethod, method)?;
        }
        if let Some(text) = config.response_information.as_deref()
            && client.response_information
        {
            properties.set_text(PropertyId::ResponseInformation, text)?;
        }
        for property in accept.properties.iter() {
            properties.set(property)?;
        }
        Ok(properties)
    }

    /// Refuses the client: CONNACK with this reason, if its version can express it, then the
    /// connection is closed. A reason that is no error becomes "not authorized", and in MQTT 5.0 one
    /// that CONNACK does not have "unspecified error".
    pub fn refuse(&mut self, reason: ReasonCode, properties: Properties<'_>) {
        if !matches!(self.phase, Phase::Connecting { .. }) {
            return;
        }
        let reason = if reason.is_error() { reason } else { ReasonCode::NotAuthorized };
        if self.version.is_v5() {
            let known = reason.is_allowed(PacketType::ConnAck, Sender::Server);
            let reason = if known { reason } else { ReasonCode::UnspecifiedError };
            self.put_refusal(reason, properties);
        } else {
            self.put_refusal(before_v5(reason), Properties::new());
        }
        self.phase = Phase::Closing;
    }

    /// Asks the client for the next step of the authentication, in an exchange that CONNECT or a
    /// re-authentication began.
    pub fn challenge(&mut self, now: Time, data: Option<&[u8]>) {
        self.now = now;
        match self.phase {
            Phase::Connecting { ours: true } => {
                self.phase = Phase::Connecting { ours: false };
                self.patience = Some(self.now + self.config.connect_timeout);
            }
            Phase::Connected if self.client.re_authenticating == Some(true) => {
                self.client.re_authenticating = Some(false);
            }
            _ => return,
        }
        self.put_auth(ReasonCode::ContinueAuthentication, data);
    }

    /// A re-authentication has succeeded.
    pub fn re_authenticated(&mut self, data: Option<&[u8]>) {
        if self.phase == Phase::Connected && self.client.re_authenticating == Some(true) {
            self.client.re_authenticating = None;
            self.put_auth(ReasonCode::Success, data);
        }
    }

    fn put_auth(&mut self, reason: ReasonCode, data: Option<&[u8]>) {
        let mut properties = Properties::new();
        let method = self.client.authentication_method.as_deref().unwrap_or_default();
        let mut set = || {
            properties.set_text(PropertyId::AuthenticationMethod, method)?;
            data.map_or(Ok(()), |data| properties.set_binary(PropertyId::AuthenticationData, data))
        };
        let result = set().and_then(|()| {
            let out = self.out.buffer().inline_mut();
            Auth { reason, properties }.encode(self.version, self.client.packet_max, out)
        });
        self.packets_sent += u64::from(result.is_ok());
        if result.is_err() {
            // The client waits for data that it cannot be sent.
            self.fail(ProtocolError::NotOffered {
                packet: PacketType::Auth,
                what: "a maximum packet size that is too small for the answer",
                reason: ReasonCode::ImplementationSpecificError,
            });
        }
    }

    pub(super) fn receive_auth(&mut self, auth: Auth<'_>) -> Result<(), ProtocolError> {
        let packet = PacketType::Auth;
        let method = auth.properties.text(PropertyId::AuthenticationMethod);
        match self.client.authentication_method.as_deref() {
            None => {
                let when = "although CONNECT had no authentication method [MQTT-4.12.0-7]";
                return Err(ProtocolError::Unexpected { packet, when });
            }
            agreed if agreed != method => return Err(ProtocolError::AuthMethod { packet }),
            Some(_) => {}
        }
        let connecting = self.phase == Phase::Connecting { ours: false };
        match (auth.reason, self.client.re_authenticating) {
            (ReasonCode::ContinueAuthentication, _) if connecting => {
                self.phase = Phase::Connecting { ours: true };
                self.patience = None;
            }
            (ReasonCode::ReAuthenticate, None) if self.phase == Phase::Connected => {
                self.client.re_authenticating = Some(true);
            }
            (ReasonCode::ContinueAuthentication, Some(false)) => {
                self.client.re_authenticating = Some(true);
            }
            (ReasonCode::Success, _) => {
                return Err(ProtocolError::Reason { packet, reason: auth.reason });
            }
            _ => {
                let when = "outside its place in an authentication";
                return Err(ProtocolError::Unexpected { packet, when });
            }
        }
        self.events.push_back(ServerEvent::Auth(Box::new(AuthRequest {
            re_authentication: self.phase == Phase::Connected,
            first: auth.reason == ReasonCode::ReAuthenticate,
            properties: auth.properties.into_owned(),
        })));
        Ok(())
    }
}

impl Client {
    fn new(connect: &Connect<'_>) -> Self {
        let properties = &connect.properties;
        let number = |id: PropertyId| properties.number(id).or(id.default_value());
        let short = |id| number(id).and_then(|n| u16::try_from(n).ok()).unwrap_or_default();
        let size = number(PropertyId::MaximumPacketSize).and_then(|n| usize::try_from(n).ok());
        Self {
            keep_alive: connect.keep_alive,
            session_expiry_asked: number(PropertyId::SessionExpiryInterval).unwrap_or_default(),
            session_expiry: 0,
            receive_maximum: short(PropertyId::ReceiveMaximum),
            topic_alias_maximum: short(PropertyId::TopicAliasMaximum),
            packet_max: size.unwrap_or(frame::MAX_PACKET_SIZE).min(frame::MAX_PACKET_SIZE),
            problem_information: number(PropertyId::RequestProblemInformation) != Some(0),
            response_information: number(PropertyId::RequestResponseInformation) == Some(1),
            authentication_method: properties
                .text(PropertyId::AuthenticationMethod)
                .map(str::to_owned),
            re_authenticating: None,
        }
    }
}

/// The reason of the same meaning among those that a CONNACK of MQTT 3 has. What has none there is
/// not said [MQTT-3.2.2-6].
const fn before_v5(reason: ReasonCode) -> ReasonCode {
    match reason {
        ReasonCode::ServerBusy
        | ReasonCode::QuotaExceeded
        | ReasonCode::ConnectionRateExceeded
        | ReasonCode::UseAnotherServer
        | ReasonCode::ServerMoved => ReasonCode::ServerUnavailable,
        ReasonCode::Banned | ReasonCode::TopicNameInvalid | ReasonCode::BadAuthenticationMethod => {
            ReasonCode::NotAuthorized
        }
        reason => reason,
    }
}
