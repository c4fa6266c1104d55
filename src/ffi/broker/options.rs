//! How a broker is set up.

use std::ffi::c_char;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::gate::Gate;
use super::handle::Handle;
use super::hooks::Hooks;
use super::tls::{Options as ServerTls, mqttlink_server_tls};
use crate::Version;
use crate::broker::{Broker, BrokerBuilder, BrokerLimits};
use crate::ffi::guard::{self, Failure};
use crate::ffi::numbers;
use crate::ffi::pointer::{free, given, optional_text, out, text};
use crate::ffi::status::mqttlink_status;
use crate::proto::ServerConfig;
use crate::testing::TestBroker;

/// Everything about a broker that is fixed before it starts. Made by `mqttlink_broker_options_new` or
/// `mqttlink_broker_options_new_for_test`, freed by `mqttlink_broker_options_free`, used by
/// `mqttlink_broker_start` as often as wanted. Any thread may use it.
pub struct mqttlink_broker_options {
    settings: Mutex<Settings>,
}

#[derive(Clone)]
pub(super) struct Settings {
    listeners: Vec<Address>,
    pub(super) limits: BrokerLimits,
    pub(super) protocol: ServerConfig,
    pub(super) allow_anonymous: bool,
    pub(super) authentication_threads: usize,
    pub(super) disconnect_on_refused_publish: bool,
    pub(super) sys_interval: Duration,
    pub(super) seed: Option<u64>,
    test: Option<Test>,
    pub(super) hooks: Hooks,
}

/// Where to listen.
#[derive(Clone)]
struct Address {
    address: String,
    tls: Option<ServerTls>,
    /// The versions that are spoken there, if not all that the broker speaks.
    versions: Option<Vec<Version>>,
}

impl Address {
    fn listen(self, builder: BrokerBuilder) -> BrokerBuilder {
        let builder = match self.tls {
            None => builder.listen(self.address.as_str()),
            #[cfg(feature = "tls")]
            Some(tls) => builder.listen_tls(self.address.as_str(), tls),
            #[cfg(not(feature = "tls"))]
            Some(_) => builder,
        };
        match self.versions {
            None => builder,
            Some(versions) => builder.accept_versions(&versions),
        }
    }
}

/// What is different in a broker for tests.
#[derive(Clone, Copy, Default)]
struct Test {
    virtual_time: bool,
}

impl Settings {
    fn new(test: Option<Test>) -> Self {
        Self {
            listeners: Vec::new(),
            limits: BrokerLimits::default(),
            protocol: ServerConfig::default(),
            allow_anonymous: false,
            authentication_threads: 2,
            disconnect_on_refused_publish: false,
            sys_interval: Duration::from_secs(10),
            seed: test.map(|_| 1),
            test,
            hooks: Hooks::default(),
        }
    }

    /// Starts a broker that calls the program's functions with this handle.
    pub(super) fn start(
        self,
        handle: Handle,
        gate: &Arc<Gate>,
    ) -> Result<(Broker, Option<TestBroker>), Failure> {
        let Some(test) = self.test else {
            return Ok((self.apply(Broker::builder(), handle, gate).start()?, None));
        };
        let builder = TestBroker::builder().with(|builder| self.apply(builder, handle, gate));
        let builder = if test.virtual_time { builder.virtual_time() } else { builder };
        let broker = builder.start()?;
        Ok((broker.broker().clone(), Some(broker)))
    }

    fn apply(self, builder: BrokerBuilder, handle: Handle, gate: &Arc<Gate>) -> BrokerBuilder {
        let mut builder = builder
            .limits(self.limits)
            .protocol(self.protocol)
            .allow_anonymous(self.allow_anonymous)
            .authentication_threads(self.authentication_threads)
            .disconnect_on_refused_publish(self.disconnect_on_refused_publish)
            .sys_interval(self.sys_interval);
        if let Some(seed) = self.seed {
            builder = builder.seed(seed);
        }
        builder = self.listeners.into_iter().fold(builder, |builder, one| one.listen(builder));
        self.hooks.install(builder, handle, gate)
    }
}

impl mqttlink_broker_options {
    pub(super) fn lock(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The body of a function that changes something.
pub(super) fn change(
    options: *mut mqttlink_broker_options,
    change: impl FnOnce(&mut Settings) -> Result<(), Failure>,
) -> mqttlink_status {
    guard::call(|| change(&mut given(options, "options")?.lock()))
}

/// Puts a hook, or what holds one, in its place.
pub(super) fn place<H>(
    options: *mut mqttlink_broker_options,
    hook: impl FnOnce() -> Result<Option<H>, Failure>,
    place: impl FnOnce(&mut Hooks) -> &mut Option<H>,
) -> mqttlink_status {
    guard::call(|| {
        let (options, hook) = (given(options, "options")?, hook()?);
        let mut settings = options.lock();
        let earlier = std::mem::replace(place(&mut settings.hooks), hook);
        // Its user pointer is freed by the program, under no lock.
        drop(settings);
        drop(earlier);
        Ok(())
    })
}

fn begin(place: *mut *mut mqttlink_broker_options, test: Option<Test>) -> mqttlink_status {
    guard::call(|| {
        let settings = Mutex::new(Settings::new(test));
        out(place, "options")?.put_new(mqttlink_broker_options { settings });
        Ok(())
    })
}

/// Begins to set up brokers. Without `mqttlink_broker_options_listen` a broker takes clients inside the
/// process only: see `mqttlink_options_new_in_process`.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_options_new(
    options: *mut *mut mqttlink_broker_options,
) -> mqttlink_status {
    begin(options, None)
}

/// Begins to set up brokers for tests: they listen on a free port of 127.0.0.1 beside other addresses,
/// keep their last 10,000 packets, choose the same client identifiers every time, and have the functions
/// that say so: waiting for clients, faults, virtual time, transcripts.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_options_new_for_test(
    options: *mut *mut mqttlink_broker_options,
) -> mqttlink_status {
    begin(options, Some(Test::default()))
}

/// Frees options. Brokers that were started with them stay as they are. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_options_free(options: *mut mqttlink_broker_options) {
    guard::or((), || free(options));
}

/// Lets time stand still in brokers for tests, but for `mqttlink_broker_advance`, so that what takes hours
/// in a broker (keep alive, expiry, will delay) takes no time in a test. Default: real time.
///
/// `MQTTLINK_ERROR_INVALID_STATE` if the options are not for tests.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_options_set_virtual_time(
    options: *mut mqttlink_broker_options,
    wanted: bool,
) -> mqttlink_status {
    change(options, |settings| {
        let not_for_tests = || {
            let text = "the options are not for tests: make them with \
                        mqttlink_broker_options_new_for_test";
            Failure::new(mqttlink_status::MQTTLINK_ERROR_INVALID_STATE, text)
        };
        settings.test.as_mut().ok_or_else(not_for_tests)?.virtual_time = wanted;
        Ok(())
    })
}

/// Listens on an address and port: "127.0.0.1:1883", "[::1]:0", "localhost:0", which stands for all
/// addresses that the machine has for the name. Port 0 lets the system choose; `mqttlink_broker_port` tells
/// which. May be called several times. The address is looked up by `mqttlink_broker_start`.
///
/// `tls` is NULL for a listener without TLS; it is copied.
///
/// Without a function that authenticates, and without client certificates that are required, only
/// addresses that cannot be reached from other machines are taken, unless
/// `MQTTLINK_BROKER_ALLOW_ANONYMOUS` says otherwise.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_options_listen(
    options: *mut mqttlink_broker_options,
    address: *const c_char,
    tls: *const mqttlink_server_tls,
) -> mqttlink_status {
    change(options, |settings| {
        let address = text(address, "address")?.to_owned();
        let tls = mqttlink_server_tls::copied(tls)?;
        settings.listeners.push(Address { address, tls, versions: None });
        Ok(())
    })
}

/// Whether a protocol version, a `mqttlink_protocol`, is spoken. Default: all are.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_options_allow_version(
    options: *mut mqttlink_broker_options,
    version: i32,
    allowed: bool,
) -> mqttlink_status {
    change(options, |settings| {
        let version = numbers::version(version)?;
        allow(&mut settings.protocol.versions, version, allowed);
        Ok(())
    })
}

/// Whether a protocol version, a `mqttlink_protocol`, is spoken on the address of the last call of
/// `mqttlink_broker_options_listen`; a client of another one is refused, in MQTT 5.0 with "unsupported protocol
/// version" and before with return code 1. Default: those of `mqttlink_broker_options_allow_version`.
///
/// `MQTTLINK_ERROR_INVALID_STATE` if there was no such call.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_options_allow_version_there(
    options: *mut mqttlink_broker_options,
    version: i32,
    allowed: bool,
) -> mqttlink_status {
    change(options, |settings| {
        let version = numbers::version(version)?;
        let nowhere = || {
            let text = "there is no address yet: call mqttlink_broker_options_listen first";
            Failure::new(mqttlink_status::MQTTLINK_ERROR_INVALID_STATE, text)
        };
        let address = settings.listeners.last_mut().ok_or_else(nowhere)?;
        let versions = address.versions.get_or_insert_with(|| settings.protocol.versions.clone());
        allow(versions, version, allowed);
        Ok(())
    })
}

fn allow(versions: &mut Vec<Version>, version: Version, allowed: bool) {
    versions.retain(|other| *other != version);
    if allowed {
        versions.push(version);
    }
}

/// What a client is told that asks for response information: commonly the beginning of topics for answers;
/// NULL is nothing. MQTT 5.0 only. Default: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_options_set_response_information(
    options: *mut mqttlink_broker_options,
    information: *const c_char,
) -> mqttlink_status {
    change(options, |settings| {
        let information = optional_text(information, "information")?;
        settings.protocol.response_information = information.map(str::to_owned);
        Ok(())
    })
}
