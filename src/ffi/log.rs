//! The log, for C.
//!
//! Lines are written by every thread, some of them under a lock. They are handed to a thread of their
//! own, so that the program's function may do what it likes and holds nobody up.

use std::any::Any;
use std::ffi::{CString, c_char, c_void};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Sender, bounded};
use log::{LevelFilter, Log, Metadata, Record};

use super::callback::{Hook, mqttlink_free_fn};
use super::fork::{forks, watch_forks};
use super::guard::{self, Failure};
use super::numbers::log_level;
use super::pointer::c_text;
use super::status::mqttlink_status;
use crate::threads::{Spawned, ThreadNumber, spawn};

/// Takes one line of the log: its `mqttlink_log_level` and its text, which lives until the function
/// returns.
pub type mqttlink_log_fn =
    Option<unsafe extern "C" fn(user: *mut c_void, level: i32, text: *const c_char)>;

/// How many lines wait for a function that does not keep up; more are left out.
const WAITING_MAX: usize = 1024;

struct Relay {
    state: Mutex<State>,
    /// Who waits for the end of a thread sleeps here.
    ended: Condvar,
}

struct State {
    outlet: Option<Outlet>,
    /// The threads that have not ended, each with the forks there had been when it was made.
    running: Vec<(ThreadNumber, usize)>,
}

static RELAY: Relay =
    Relay { state: Mutex::new(State { outlet: None, running: Vec::new() }), ended: Condvar::new() };

/// Where lines go.
struct Outlet {
    lines: Sender<(i32, CString)>,
    thread: Spawned,
    /// How many forks there had been when it was made: the thread is in that process.
    forks: usize,
}

impl Relay {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps other threads from logging, until it is dropped.
pub(super) fn held() -> Box<dyn Any> {
    Box::new(RELAY.lock())
}

impl Log for Relay {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("mqttlink")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        if let Some(outlet) = self.lock().outlet.as_ref().filter(|outlet| outlet.forks == forks()) {
            let level = i32::try_from(record.level() as usize).unwrap_or_default();
            let _ = outlet.lines.try_send((level, c_text(&record.args().to_string())));
        }
    }

    fn flush(&self) {}
}

/// Has the library's log given to a function, for all clients of the process: lines up to `level`, a
/// `mqttlink_log_level`. Payloads, passwords and authentication data are never in it. Without this call
/// nothing is logged anywhere.
///
/// The function runs on a thread of its own and may call everything. If it does not keep up, lines are
/// left out. NULL ends it; earlier functions are not called any more when this returns, whichever thread
/// has replaced them, except where it is called from within one.
///
/// `MQTTLINK_ERROR_INVALID_STATE` in a Rust program that has a logger already.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_log_set(
    callback: mqttlink_log_fn,
    level: i32,
    user: *mut c_void,
    free_user: mqttlink_free_fn,
) -> mqttlink_status {
    let hook = Hook::new(callback, user, free_user);
    guard::call(|| {
        let level = log_level(level)?;
        let Some(hook) = hook.filter(|_| level != LevelFilter::Off) else {
            replace(None, LevelFilter::Off);
            return Ok(());
        };
        // The second time it is this one.
        let _ = log::set_logger(&RELAY);
        if !is_ours() {
            let text = "the program has a logger already";
            return Err(Failure::new(mqttlink_status::MQTTLINK_ERROR_INVALID_STATE, text));
        }
        replace(Some(start(hook)?), level);
        Ok(())
    })
}

fn is_ours() -> bool {
    std::ptr::addr_eq(log::logger(), &raw const RELAY)
}

type Function = unsafe extern "C" fn(*mut c_void, i32, *const c_char);

fn start(hook: Hook<Function>) -> Result<Outlet, Failure> {
    let (sender, lines) = bounded::<(i32, CString)>(WAITING_MAX);
    let run = move || {
        while let Ok((level, text)) = lines.recv() {
            // SAFETY: by the contract the function takes what it was registered with; the text lives
            // here.
            unsafe { (hook.function)(hook.pointer(), level, text.as_ptr()) };
        }
        drop(hook);
        let this = ThreadNumber::this();
        RELAY.lock().running.retain(|(thread, _)| *thread != this);
        RELAY.ended.notify_all();
    };
    let thread = spawn("mqttlink-log", run).map_err(|error| {
        let text = format!("the log's thread could not be started: {error}");
        Failure::new(mqttlink_status::MQTTLINK_ERROR_RESOURCES, text)
    })?;
    watch_forks();
    Ok(Outlet { lines: sender, thread, forks: forks() })
}

/// Has lines go there from now on, and waits until the threads of all earlier outlets have given out what
/// waits and ended, also of those that another thread has replaced; on one of these threads it does not wait.
fn replace(outlet: Option<Outlet>, level: LevelFilter) {
    let current = outlet.as_ref().map(|outlet| outlet.thread.number());
    let mut state = RELAY.lock();
    if is_ours() {
        log::set_max_level(level);
    }
    state.running.retain(|(_, then)| *then == forks());
    state.running.extend(current.map(|thread| (thread, forks())));
    let earlier = std::mem::replace(&mut state.outlet, outlet);
    let this = ThreadNumber::this();
    let is_one = state.running.iter().any(|(thread, _)| *thread == this);
    let before: Vec<ThreadNumber> = state.running.iter().map(|(thread, _)| *thread).collect();
    drop(state);
    match earlier {
        // The thread is the parent's, and here nobody takes the lines.
        Some(earlier) if earlier.forks != forks() => std::mem::forget(earlier),
        Some(Outlet { lines, thread, .. }) => {
            drop(lines);
            if !is_one {
                thread.join();
            }
        }
        None => {}
    }
    if is_one {
        return;
    }
    let is_earlier = |thread: &ThreadNumber| before.contains(thread) && Some(*thread) != current;
    let mut state = RELAY.lock();
    while state.running.iter().any(|(thread, _)| is_earlier(thread)) {
        state = RELAY.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
}
