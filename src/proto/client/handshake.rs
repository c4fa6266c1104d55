//! From CONNECT to CONNACK, and authentication.

use super::{ClientConnection, Phase};
use crate::codec::{
    Auth, ConnAck, Connect, EncodeError, PacketType, Properties, PropertyId, ReasonCode, Version,
    Will, frame,
};
use crate::proto::{ConnectOptions, Event, Granted, Limits, ProtocolError, RequestError, Time};

/// What CONNECT said that matters later.
#[derive(Debug, Default)]
pub(super) struct Handshake {
    clean_start: bool,
    client_id: String,
    keep_alive: u16,
    /// The session expiry in force, in seconds.
    session_expiry: u32,
    authentication_method: Option<String>,
    /// Whether an exchange is going on that the client began with AUTH.
    re_authenticating: bool,
    /// Whether the server awaits the answer to an AUTH.
    challenged: bool,
    pub(super) problem_information: bool,
}

impl Handshake {
    fn new(options: &ConnectOptions) -> Self {
        let lives_on = if options.clean_start { 0 } else { u32::MAX };
        Self {
            clean_start: options.clean_start,
            client_id: options.client_id.clone(),
            keep_alive: options.keep_alive,
            session_expiry: if options.version.is_v5() { options.session_expiry } else { lives_on },
            authentication_method: options.authentication_method.clone(),
            re_authenticating: false,
            challenged: false,
            problem_information: options.request_problem_information,
        }
    }

    pub(super) const fn session_expiry(&self) -> u32 {
        self.session_expiry
    }

    /// Every AUTH, and the CONNACK that accepts, carry the method of CONNECT [MQTT-4.12.0-5]; without
    /// one in CONNECT neither may [MQTT-4.12.0-6].
    fn check_method(
        &self,
        packet: PacketType,
        properties: &Properties<'_>,
    ) -> Result<(), ProtocolError> {
        let received = properties.text(PropertyId::AuthenticationMethod);
        match (self.authentication_method.as_deref(), received) {
            (agreed, received) if agreed == received => Ok(()),
            (None, _) => Err(ProtocolError::Forbidden {
                packet,
                what: "an authentication method, although CONNECT had none [MQTT-4.12.0-6]",
            }),
            (Some(_), _) => Err(ProtocolError::AuthMethod { packet }),
        }
    }
}

impl ClientConnection {
    /// Begins a connection: CONNECT is queued. What the last connection left in the outgoing buffer
    /// is thrown away.
    ///
    /// # Errors
    /// [`EncodeError`] when the options cannot be expressed in their version. Nothing has changed
    /// then.
    pub fn connect(&mut self, now: Time, options: &ConnectOptions) -> Result<(), EncodeError> {
        let packet = encode_connect(options)?;
        if self.phase != Phase::Idle {
            self.handle_disconnected(now);
        }
        self.now = now;
        self.keep_alive.begin(now);
        self.version = options.version;
        self.handshake = Handshake::new(options);
        self.limits = Limits::default();
        self.packet_max = usize::try_from(options.maximum_packet_size)
            .unwrap_or(frame::MAX_PACKET_SIZE)
            .min(frame::MAX_PACKET_SIZE);
        self.out.reset(super::KEPT_CAPACITY);
        self.outbound.begin();
        let v5 = options.version.is_v5();
        self.inbound.begin(if v5 { options.receive_maximum } else { u16::MAX });
        self.aliases_in.reset(if v5 { options.topic_alias_maximum } else { 0 });
        self.aliases_out.reset(0);
        self.out.buffer().inline_mut().extend_from_slice(&packet);
        self.phase = Phase::Connecting;
        Ok(())
    }

    /// Answers [`Event::AuthContinue`] with an AUTH packet [MQTT-4.12.0-3], once for each.
    ///
    /// # Errors
    /// [`RequestError`] when the server has not asked, or the data cannot be expressed.
    pub fn authenticate(&mut self, data: Option<&[u8]>) -> Result<(), RequestError> {
        let up = matches!(self.phase, Phase::Connecting | Phase::Connected);
        if !up || !self.handshake.challenged {
            return Err(RequestError::State("the server awaits no step of an authentication"));
        }
        self.put_auth(ReasonCode::ContinueAuthentication, data)?;
        self.handshake.challenged = false;
        Ok(())
    }

    /// Begins a re-authentication [MQTT-4.12.1-1]. Other traffic goes on meanwhile.
    ///
    /// # Errors
    /// [`RequestError`] when there is no connection, when it was made without an authentication
    /// method, when a re-authentication is going on, or when the data cannot be expressed.
    pub fn re_authenticate(&mut self, data: Option<&[u8]>) -> Result<(), RequestError> {
        self.may_re_authenticate()?;
        self.put_auth(ReasonCode::ReAuthenticate, data)?;
        self.handshake.re_authenticating = true;
        Ok(())
    }

    /// Whether a re-authentication can begin.
    ///
    /// # Errors
    /// As [`re_authenticate`](Self::re_authenticate), but for the data.
    pub fn may_re_authenticate(&self) -> Result<(), RequestError> {
        self.ready()?;
        if self.handshake.re_authenticating {
            return Err(RequestError::State("a re-authentication is going on"));
        }
        self.method().map(drop)
    }

    fn method(&self) -> Result<&str, RequestError> {
        let method = self.handshake.authentication_method.as_deref();
        method
            .ok_or(RequestError::State("the connection was made without an authentication method"))
    }

    fn put_auth(&mut self, reason: ReasonCode, data: Option<&[u8]>) -> Result<(), RequestError> {
        let method = self.method()?;
        let mut properties = Properties::new();
        properties.set_text(PropertyId::AuthenticationMethod, method)?;
        if let Some(data) = data {
            properties.set_binary(PropertyId::AuthenticationData, data)?;
        }
        let max_size = self.limits.maximum_packet_size;
        let out = self.out.buffer().inline_mut();
        Auth { reason, properties }.encode(self.version, max_size, out)?;
        Ok(())
    }

    pub(super) fn receive_connack(&mut self, connack: ConnAck<'_>) -> Result<(), ProtocolError> {
        if self.phase != Phase::Connecting {
            let when = "a second time";
            return Err(ProtocolError::Unexpected { packet: PacketType::ConnAck, when });
        }
        if connack.reason != ReasonCode::Success {
            self.phase = Phase::Closing;
            self.events.push_back(Event::Refused(Box::new(connack.into())));
            return Ok(());
        }
        if connack.session_present && self.handshake.clean_start {
            return Err(ProtocolError::SessionPresent);
        }
        self.handshake.check_method(PacketType::ConnAck, &connack.properties)?;
        self.accept(connack);
        Ok(())
    }

    fn accept(&mut self, connack: ConnAck<'_>) {
        self.phase = Phase::Connected;
        self.handshake.challenged = false;
        self.counters.connects += 1;
        self.limits = Limits::from_connack(&connack);
        let number = |id| connack.properties.number(id);
        if let Some(seconds) = number(PropertyId::ServerKeepAlive) {
            self.handshake.keep_alive = u16::try_from(seconds).unwrap_or(u16::MAX);
        }
        if let Some(seconds) = number(PropertyId::SessionExpiryInterval) {
            self.handshake.session_expiry = seconds;
        }
        if let Some(id) = connack.properties.text(PropertyId::AssignedClientIdentifier) {
            id.clone_into(&mut self.handshake.client_id);
        }
        self.keep_alive.start(self.now, self.handshake.keep_alive);
        self.outbound.set_quota(self.quota());
        self.aliases_out.reset(self.config.topic_aliases.min(self.limits.topic_alias_maximum));
        let granted = self.granted(&connack);
        self.events.push_back(Event::Connected(Box::new(granted)));
        // MQTT 3.1 cannot say whether there is a session; without a clean session there should be.
        let blind = self.version == Version::V3_1 && !self.handshake.clean_start;
        let ours = self.enter_session();
        if ours && (connack.session_present || blind) {
            self.resume();
        } else {
            self.inbound.forget();
            let outcomes = self.outbound.lose_session();
            self.finish(outcomes);
            self.pump();
        }
    }

    /// Says whether the messages that are kept belong to this client identifier [MQTT-3.1.3-2].
    /// From now on they do.
    fn enter_session(&mut self) -> bool {
        let id = self.handshake.client_id.as_str();
        let before = self.session_of.replace(id.to_owned());
        before.is_none_or(|before| before == id)
    }

    fn granted(&self, connack: &ConnAck<'_>) -> Granted {
        Granted {
            version: self.version,
            session_present: connack.session_present,
            client_id: self.handshake.client_id.clone(),
            keep_alive: self.handshake.keep_alive,
            session_expiry: self.handshake.session_expiry,
            limits: self.limits.clone(),
            properties: connack.properties.clone().into_owned(),
        }
    }

    pub(super) fn receive_auth(&mut self, auth: Auth<'_>) -> Result<(), ProtocolError> {
        let packet = PacketType::Auth;
        if self.handshake.authentication_method.is_none() {
            let when = "although CONNECT had no authentication method [MQTT-4.12.0-6]";
            return Err(ProtocolError::Unexpected { packet, when });
        }
        self.handshake.check_method(packet, &auth.properties)?;
        let connecting = self.phase == Phase::Connecting;
        if !connecting && !self.handshake.re_authenticating {
            let when = "outside an authentication";
            return Err(ProtocolError::Unexpected { packet, when });
        }
        let event = match auth.reason {
            ReasonCode::ContinueAuthentication => {
                self.handshake.challenged = true;
                Event::AuthContinue(Box::new(auth.into()))
            }
            ReasonCode::Success if !connecting => {
                self.handshake.re_authenticating = false;
                self.handshake.challenged = false;
                Event::AuthDone(Box::new(auth.into()))
            }
            reason => return Err(ProtocolError::Reason { packet, reason }),
        };
        self.events.push_back(event);
        Ok(())
    }
}

fn encode_connect(options: &ConnectOptions) -> Result<Vec<u8>, EncodeError> {
    if let Some(error) = options.will.as_ref().and_then(|will| will.error.as_deref()) {
        return Err(error.clone());
    }
    check_version(options)?;
    let will = options.will.as_ref().map(|will| Will {
        topic: &will.topic,
        payload: &will.payload,
        qos: will.qos,
        retain: will.retain,
        properties: will.properties.borrowed(),
    });
    let packet = Connect {
        version: options.version,
        clean_start: options.clean_start,
        keep_alive: options.keep_alive,
        client_id: &options.client_id,
        properties: options.properties()?,
        will,
        user_name: options.user_name.as_deref(),
        password: options.password.as_deref(),
    };
    let mut bytes = Vec::new();
    packet.encode(frame::MAX_PACKET_SIZE, &mut bytes)?;
    Ok(bytes)
}

/// What only MQTT 5.0 can say is not left out silently, unless leaving it out changes nothing that
/// the caller could notice.
fn check_version(options: &ConnectOptions) -> Result<(), EncodeError> {
    let version = options.version;
    if version.is_v5() {
        return Ok(());
    }
    let what = if options.authentication_method.is_some() {
        "an authentication method"
    } else if !options.user_properties.is_empty() {
        "a user property"
    } else if options.session_expiry != 0 {
        "a session expiry interval"
    } else {
        return Ok(());
    };
    Err(EncodeError::NotInVersion { what, version })
}
