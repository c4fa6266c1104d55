//! Interrupting from a signal handler.
//!
//! There neither a lock nor a condition variable may be touched: the handler sets a flag and writes a
//! byte to a pipe. One thread for all clients of the process, which sleeps in read, does the rest. It
//! begins with the first client and lives as long as the process.

use std::any::Any;
use std::io::{ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::fork::forks;
use super::guard::Failure;
use super::handle::mqttlink_client;
use super::status::mqttlink_status;
use crate::Client;

/// A handle's part in it.
pub(super) struct Interrupt {
    wanted: AtomicBool,
    /// 0 if there is no client that can be interrupted, otherwise one more than the forks there had been
    /// when it was made.
    live: AtomicUsize,
}

/// The end of the pipe that signal handlers write to. It is never closed.
static BELL: AtomicPtr<PipeWriter> = AtomicPtr::new(ptr::null_mut());

static WATCH: Mutex<Watch> = Mutex::new(Watch { clients: Vec::new(), thread: None });

struct Watch {
    clients: Vec<(&'static mqttlink_client, Client)>,
    /// With the forks there had been when it was started.
    thread: Option<(JoinHandle<()>, usize)>,
}

fn watch() -> MutexGuard<'static, Watch> {
    WATCH.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps other threads from changing what can be interrupted, until it is dropped.
pub(super) fn held() -> Box<dyn Any> {
    Box::new(watch())
}

impl Interrupt {
    pub(super) const fn new() -> Self {
        Self { wanted: AtomicBool::new(false), live: AtomicUsize::new(0) }
    }

    /// Async-signal-safe.
    pub(super) fn ring(&self) -> mqttlink_status {
        match self.live.load(Ordering::SeqCst).checked_sub(1) {
            None => return mqttlink_status::MQTTLINK_ERROR_FREED,
            Some(then) if then != forks() => return mqttlink_status::MQTTLINK_ERROR_FORKED,
            Some(_) => {}
        }
        if !self.wanted.swap(true, Ordering::SeqCst) {
            ring();
        }
        mqttlink_status::MQTTLINK_OK
    }
}

fn ring() {
    // SAFETY: the pointer is NULL or came from `Box::leak`.
    if let Some(mut bell) = unsafe { BELL.load(Ordering::SeqCst).as_ref() } {
        let _ = bell.write(&[0]);
    }
}

/// A client that can be interrupted from now on.
pub(super) fn register(handle: &'static mqttlink_client, client: Client) -> Result<(), Failure> {
    let mut watch = watch();
    if watch.thread.as_ref().is_none_or(|(_, then)| *then != forks()) {
        let failed = |error: std::io::Error| {
            let text = format!("the thread that interrupts could not be started: {error}");
            Failure::new(mqttlink_status::MQTTLINK_ERROR_RESOURCES, text)
        };
        let (reader, writer) = std::io::pipe().map_err(failed)?;
        let thread = thread::Builder::new()
            .name("mqttlink-signal".into())
            .spawn(move || answer(reader))
            .map_err(failed)?;
        BELL.store(Box::leak(Box::new(writer)), Ordering::SeqCst);
        let inherited = watch.thread.replace((thread, forks()));
        if inherited.is_some() {
            // The parent's clients and its thread are not here.
            std::mem::forget((inherited, std::mem::take(&mut watch.clients)));
        }
    }
    watch.clients.push((handle, client));
    drop(watch);
    handle.interrupt.wanted.store(false, Ordering::SeqCst);
    handle.interrupt.live.store(forks() + 1, Ordering::SeqCst);
    Ok(())
}

/// A client is about to be freed.
pub(super) fn forget(handle: &'static mqttlink_client) {
    handle.interrupt.live.store(0, Ordering::SeqCst);
    let mut watch = watch();
    let place = watch.clients.iter().position(|(other, _)| ptr::eq(*other, handle));
    let forgotten = place.map(|place| watch.clients.swap_remove(place));
    drop(watch);
    drop(forgotten);
}

/// Interrupts whom it was asked to, whenever the bell rings.
fn answer(mut reader: PipeReader) {
    loop {
        match reader.read(&mut [0; 64]) {
            Ok(1..) => {}
            // A signal may be handled on this thread.
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Ok(0) | Err(_) => return,
        }
        let wanted: Vec<Client> = {
            let watch = watch();
            let rung = watch.clients.iter();
            let rung =
                rung.filter(|(handle, _)| handle.interrupt.wanted.swap(false, Ordering::SeqCst));
            rung.map(|(_, client)| client.clone()).collect()
        };
        for client in wanted {
            client.interrupt();
        }
    }
}
