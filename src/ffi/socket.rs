//! Names and sockets.

use std::ffi::{CString, c_char, c_void};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::callback::{Hook, mqttlink_free_fn};
use super::guard::{self, Failure};
use super::options::{Recipe, address, mqttlink_options, set};
use super::pointer::given;
use super::status::mqttlink_status;
use crate::{Builder, SocketOptions};

/// Where a resolver puts the addresses it has found. Lives until the resolver returns.
pub struct mqttlink_addresses {
    found: Mutex<Vec<SocketAddr>>,
}

/// Looks a host name up and adds its addresses with `mqttlink_addresses_add`. Returns 0, or the
/// operating system's error number. Called on a thread of its own, for every connection.
pub type mqttlink_resolver_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        host: *const c_char,
        port: u16,
        addresses: *mut mqttlink_addresses,
    ) -> i32,
>;

fn change(
    options: *mut mqttlink_options,
    change: impl FnOnce(&mut SocketOptions) -> Result<(), Failure>,
) -> mqttlink_status {
    guard::call(|| {
        let mut recipe: std::sync::MutexGuard<'_, Recipe> = given(options, "options")?.lock();
        change(&mut recipe.socket)
    })
}

/// Whether small packets are sent at once (TCP_NODELAY). Default: true.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_no_delay(
    options: *mut mqttlink_options,
    no_delay: bool,
) -> mqttlink_status {
    change(options, |socket| {
        socket.no_delay = no_delay;
        Ok(())
    })
}

/// After how many seconds of silence the system probes the peer (SO_KEEPALIVE); 0 means never, and more than
/// 32,767 count as that. Default: never, since MQTT has a keep alive of its own.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_tcp_keep_alive(
    options: *mut mqttlink_options,
    idle_s: u32,
) -> mqttlink_status {
    change(options, |socket| {
        socket.keep_alive = (idle_s > 0).then(|| Duration::from_secs(idle_s.into()));
        Ok(())
    })
}

/// The socket's buffers in bytes (SO_RCVBUF, SO_SNDBUF); 0 leaves one to the system. Default: 0 and 0.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_socket_buffers(
    options: *mut mqttlink_options,
    receive: usize,
    send: usize,
) -> mqttlink_status {
    change(options, |socket| {
        socket.receive_buffer = (receive > 0).then_some(receive);
        socket.send_buffer = (send > 0).then_some(send);
        Ok(())
    })
}

/// The local address to connect from, as text: "192.0.2.7" or "2001:db8::7". Server addresses of the
/// other family are not tried. Default: the system's choice.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_bind_address(
    options: *mut mqttlink_options,
    local: *const c_char,
) -> mqttlink_status {
    change(options, |socket| {
        socket.bind_address = Some(address(local, "local")?);
        Ok(())
    })
}

/// Looks host names up in another way than the operating system's.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_resolver(
    options: *mut mqttlink_options,
    resolver: mqttlink_resolver_fn,
    user: *mut c_void,
    free_user: mqttlink_free_fn,
) -> mqttlink_status {
    let hook = Hook::new(resolver, user, free_user);
    set(options, || {
        let null = Failure::new(mqttlink_status::MQTTLINK_ERROR_NULL, "resolver is NULL");
        let hook = Arc::new(hook.ok_or(null)?);
        Ok(move |builder: Builder| {
            let hook = Arc::clone(&hook);
            builder.resolver(move |host, port| look_up(&hook, host, port))
        })
    })
}

type Resolver =
    unsafe extern "C" fn(*mut c_void, *const c_char, u16, *mut mqttlink_addresses) -> i32;

fn look_up(hook: &Hook<Resolver>, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let name = CString::new(host)?;
    let mut addresses = mqttlink_addresses { found: Mutex::default() };
    // SAFETY: by the contract the function takes what it was registered with; the others live here.
    let code = unsafe { (hook.function)(hook.pointer(), name.as_ptr(), port, &raw mut addresses) };
    if code != 0 {
        return Err(io::Error::from_raw_os_error(code));
    }
    Ok(addresses.found.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Adds an address that a resolver has found: "192.0.2.7" or "2001:db8::7".
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_addresses_add(
    addresses: *mut mqttlink_addresses,
    found: *const c_char,
    port: u16,
) -> mqttlink_status {
    guard::call(|| {
        let addresses = given(addresses, "addresses")?;
        let found = SocketAddr::new(address(found, "found")?, port);
        addresses.found.lock().unwrap_or_else(PoisonError::into_inner).push(found);
        Ok(())
    })
}
