//! The broker of this library.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mqttlink::broker::{
    Action, Broker, BrokerBuilder, BrokerEvent, BrokerLimits, Credentials, Decision,
    DisconnectCause,
};
use mqttlink::codec::topic::matches;
use mqttlink::proto::ServerConfig;
use mqttlink::{ErrorCode, ReasonCode};

use super::settings::User;
use super::{Peer, Settings, WATCHDOG, free_port};

type Events = Arc<Mutex<Vec<BrokerEvent>>>;

/// A running broker.
pub(crate) struct Embedded {
    broker: Broker,
    port: u16,
    settings: Settings,
    events: Events,
}

impl Embedded {
    pub(crate) fn start(settings: &Settings) -> Self {
        let events = Events::default();
        // A port can be taken between the look and the start.
        for _ in 0..20 {
            let port = free_port();
            if let Some(broker) = launch(port, settings, &events) {
                return Self { broker, port, settings: settings.clone(), events };
            }
        }
        panic!("the broker finds no port");
    }

    fn events(&self) -> Vec<BrokerEvent> {
        self.events.lock().unwrap().clone()
    }
}

impl Peer for Embedded {
    fn port(&self) -> u16 {
        self.port
    }

    fn wait_for_subscription(&self, id: &str) {
        let id = id.to_owned();
        let condition =
            move |core: &mqttlink::broker::Core| core.subscriptions_of(&id).next().is_some();
        self.broker.wait_until(WATCHDOG, condition).unwrap();
    }

    fn stop(&mut self) {
        self.broker.stop(WATCHDOG);
    }

    fn kill(&mut self) {
        self.broker.stop(Duration::ZERO);
    }

    fn restart(&mut self) {
        self.broker = launch(self.port, &self.settings, &self.events).expect("the same port");
    }

    #[cfg(feature = "tls")]
    fn reconfigure(&mut self, settings: &Settings) {
        self.settings = settings.clone();
        self.restart();
    }

    fn goodbyes(&self) -> usize {
        let is_goodbye = |event: &&BrokerEvent| {
            let BrokerEvent::Disconnected { cause, .. } = event else { return false };
            *cause == DisconnectCause::Goodbye(ReasonCode::Success)
        };
        self.events().iter().filter(is_goodbye).count()
    }

    fn complaints(&self) -> Vec<String> {
        let events = self.events();
        let complaints = events.iter().filter(|event| is_complaint(event));
        complaints.map(|event| format!("{event:?}")).collect()
    }

    #[cfg(feature = "tls")]
    fn user_of(&self, id: &str) -> String {
        let clients = self.broker.clients().unwrap();
        let client = clients.iter().find(|client| client.client_id.as_ref() == id).unwrap();
        client.user.clone().unwrap_or_default()
    }
}

fn is_complaint(event: &BrokerEvent) -> bool {
    match event {
        BrokerEvent::Disconnected { cause: DisconnectCause::Closed(reason), .. } => {
            *reason != ReasonCode::ServerShuttingDown
        }
        BrokerEvent::Disconnected { cause: DisconnectCause::Failed(_), .. }
        | BrokerEvent::Refused { .. }
        | BrokerEvent::Dropped { .. } => true,
        _ => false,
    }
}

/// Starts the broker. `None`: the port is taken.
fn launch(port: u16, settings: &Settings, events: &Events) -> Option<Broker> {
    let events = Arc::clone(events);
    let builder = Broker::builder()
        .protocol(protocol(settings))
        .limits(limits(settings))
        .on_event(move |event| events.lock().unwrap().push(event.clone()));
    let builder = match settings.user {
        Some(user) => guarded(builder, user),
        None => builder,
    };
    match listening(builder, port, settings).start() {
        Ok(broker) => Some(broker),
        Err(error) if error.code() == ErrorCode::ListenFailed => None,
        Err(error) => panic!("the broker does not start: {error}"),
    }
}

fn protocol(settings: &Settings) -> ServerConfig {
    let mut config = ServerConfig::default();
    config.maximum_packet_size = settings.maximum_packet_size.unwrap_or(100_000_000);
    config.maximum_qos = settings.maximum_qos.unwrap_or(config.maximum_qos);
    config.retain_available = !settings.retain_unavailable;
    config.topic_alias_maximum = settings.topic_alias_maximum.unwrap_or(config.topic_alias_maximum);
    config.keep_alive_max = settings.keep_alive_max;
    config.receive_maximum = settings.receive_maximum.unwrap_or(config.receive_maximum);
    config
}

fn limits(settings: &Settings) -> BrokerLimits {
    let mut limits = BrokerLimits::default();
    limits.queued_bytes_per_client = limits.queued_bytes;
    if let Some(count) = settings.queued_messages {
        limits.queued_messages_per_client = count;
    }
    limits
}

fn guarded(builder: BrokerBuilder, user: User) -> BrokerBuilder {
    let authenticate = move |who: &Credentials| {
        let name = who.user_name.as_deref() == Some(user.name);
        Decision::from_bool(name && who.password.as_deref() == Some(user.password.as_bytes()))
    };
    let reads = move |topic: &str| matches(user.reads, topic) || matches(user.writes, topic);
    builder.authenticate(authenticate).authorize(move |_, action| match action {
        Action::Publish { topic, .. } => matches(user.writes, topic),
        Action::Deliver { message } => reads(message.topic()),
        _ => true,
    })
}

#[cfg(feature = "tls")]
fn listening(builder: BrokerBuilder, port: u16, settings: &Settings) -> BrokerBuilder {
    let address = ("127.0.0.1", port);
    let Some(tls) = &settings.tls else { return builder.listen(address) };
    let options = mqttlink::TlsServerOptions::new(&tls.certificate, &tls.key);
    match &tls.client_authority {
        None => builder.listen_tls(address, options),
        Some(authority) => {
            let options = options.client_authority_file(authority).require_client_certificate(true);
            builder.listen_tls(address, options).authenticate(named_by_certificate)
        }
    }
}

#[cfg(not(feature = "tls"))]
fn listening(builder: BrokerBuilder, port: u16, _settings: &Settings) -> BrokerBuilder {
    builder.listen(("127.0.0.1", port))
}

/// The client is who its certificate says.
#[cfg(feature = "tls")]
fn named_by_certificate(who: &Credentials) -> Decision {
    let certificate = who.peer.certificate.as_ref().expect("the broker wants one");
    let mut decision = Decision::accept();
    if let Decision::Accept { user, .. } = &mut decision {
        user.clone_from(&certificate.common_name);
    }
    decision
}
