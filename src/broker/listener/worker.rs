//! Threads for what may be slow: authentication, and the handler of events.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::command::{Command, Mailbox};
use super::last_word::LastWord;
use crate::broker::ConnectionId;
use crate::broker::core::Question;
use crate::broker::hooks::{AuthExchange, BrokerEvent, ClientAuthenticator, Credentials, Decision};
use crate::broker::threads::{Thread, in_hook};
use crate::codec::ReasonCode;

/// How many events may wait for their handler.
const EVENTS_MAX: usize = 65_536;

struct Job {
    connection: ConnectionId,
    credentials: Option<Credentials>,
    data: Option<Vec<u8>>,
    exchange: Option<Box<dyn AuthExchange>>,
    /// Gone when nobody waits for the answer any more.
    wanted: Weak<()>,
}

impl Job {
    fn is_wanted(&self) -> bool {
        self.wanted.strong_count() > 0
    }
}

/// The threads that decide about clients.
pub(in crate::broker) struct Authenticators {
    jobs: Sender<Job>,
    waiting: Receiver<Job>,
}

impl Authenticators {
    /// Starts `count` threads. They end when this is dropped.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(in crate::broker) fn start(
        count: usize,
        queue_max: usize,
        authenticator: &Arc<dyn ClientAuthenticator>,
        mailbox: &Arc<Mailbox>,
    ) -> std::io::Result<(Self, Vec<Thread>)> {
        let (jobs, waiting) = bounded::<Job>(queue_max);
        let start = |index: usize| {
            let (waiting, mailbox) = (waiting.clone(), Arc::clone(mailbox));
            let authenticator = Arc::clone(authenticator);
            Thread::start(&format!("mqttlink-auth-{index}"), move || {
                decide_all(&waiting, authenticator.as_ref(), &mailbox);
            })
        };
        let threads = (0..count.max(1)).map(start).collect::<std::io::Result<_>>()?;
        Ok((Self { jobs, waiting }, threads))
    }

    /// Hands a question over, and says whether there was room.
    pub(super) fn ask(
        &self,
        question: &mut Question,
        exchange: Option<Box<dyn AuthExchange>>,
        wanted: Weak<()>,
    ) -> bool {
        let job = Job {
            connection: question.connection,
            credentials: question.credentials.take(),
            data: question.data.take(),
            exchange,
            wanted,
        };
        let Err(full) = self.jobs.try_send(job) else { return true };
        self.forget_unwanted();
        self.jobs.try_send(full.into_inner()).is_ok()
    }

    /// Takes clients out of the queue that have left, or were refused meanwhile.
    fn forget_unwanted(&self) {
        let all: Vec<Job> = self.waiting.try_iter().collect();
        for job in all.into_iter().filter(Job::is_wanted) {
            // They were all in it.
            let _ = self.jobs.try_send(job);
        }
    }
}

fn decide_all(jobs: &Receiver<Job>, authenticator: &dyn ClientAuthenticator, mailbox: &Mailbox) {
    for job in jobs.iter().filter(Job::is_wanted) {
        let connection = job.connection;
        let decide = std::panic::AssertUnwindSafe(|| decide(job, authenticator));
        let decided = in_hook(|| std::panic::catch_unwind(decide));
        let (decision, exchange) = decided.unwrap_or_else(|_| {
            log::error!("broker: the authenticator panicked; the client is refused");
            (Decision::Refuse(ReasonCode::UnspecifiedError), None)
        });
        let answer = Command::Decide { connection, decision, exchange };
        if mailbox.send(answer).is_err() {
            return;
        }
    }
}

fn decide(
    job: Job,
    authenticator: &dyn ClientAuthenticator,
) -> (Decision, Option<Box<dyn AuthExchange>>) {
    let mut exchange = match (&job.credentials, job.exchange) {
        (Some(who), _) if who.authentication_method().is_none() => {
            return (authenticator.authenticate(who), None);
        }
        (Some(who), _) => authenticator.exchange(who),
        (None, exchange) => exchange,
    };
    let Some(current) = &mut exchange else {
        return (Decision::Refuse(ReasonCode::BadAuthenticationMethod), None);
    };
    let decision = current.step(job.data.as_deref());
    let goes_on = matches!(decision, Decision::Challenge(_));
    (decision, exchange.filter(|_| goes_on))
}

/// The thread on which the program hears of events.
pub(in crate::broker) struct EventThread {
    events: Sender<BrokerEvent>,
}

impl EventThread {
    /// When `leave` is set, events that wait are left out, and counted in `last`.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(in crate::broker) fn start(
        mut handler: Box<dyn FnMut(&BrokerEvent) + Send>,
        leave: Arc<AtomicBool>,
        last: Arc<LastWord>,
    ) -> std::io::Result<(Self, Thread)> {
        let (events, received) = unbounded::<BrokerEvent>();
        let run = move || {
            let mut left = 0;
            for event in &received {
                if leave.load(Ordering::SeqCst) {
                    left += 1;
                    last.leave_out_event();
                    continue;
                }
                let call = std::panic::AssertUnwindSafe(|| handler(&event));
                if in_hook(|| std::panic::catch_unwind(call)).is_err() {
                    log::error!("broker: the handler of events panicked");
                }
            }
            if left > 0 {
                log::warn!("broker: it stopped before its handler was told of {left} events");
            }
        };
        Ok((Self { events }, Thread::start("mqttlink-events", run)?))
    }

    /// Says whether there was room.
    pub(super) fn tell(&self, event: BrokerEvent) -> bool {
        self.events.len() < EVENTS_MAX && self.events.send(event).is_ok()
    }
}
