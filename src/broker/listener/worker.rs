//! Threads for what may be slow: authentication, and the handler of events.

use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::command::{Command, Mailbox};
use crate::broker::ConnectionId;
use crate::broker::core::Question;
use crate::broker::hooks::{AuthExchange, BrokerEvent, ClientAuthenticator, Credentials, Decision};
use crate::codec::ReasonCode;

/// How many events may wait for their handler.
const EVENTS_MAX: usize = 65_536;

struct Job {
    connection: ConnectionId,
    credentials: Option<Credentials>,
    data: Option<Vec<u8>>,
    exchange: Option<Box<dyn AuthExchange>>,
}

/// The threads that decide about clients.
pub(in crate::broker) struct Authenticators {
    jobs: Sender<Job>,
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
    ) -> std::io::Result<(Self, Vec<JoinHandle<()>>)> {
        let (jobs, received) = bounded::<Job>(queue_max);
        let start = |index: usize| {
            let (received, mailbox) = (received.clone(), Arc::clone(mailbox));
            let authenticator = Arc::clone(authenticator);
            std::thread::Builder::new()
                .name(format!("mqttlink-auth-{index}"))
                .spawn(move || decide_all(&received, authenticator.as_ref(), &mailbox))
        };
        let threads = (0..count.max(1)).map(start).collect::<std::io::Result<_>>()?;
        Ok((Self { jobs }, threads))
    }

    /// Hands a question over. There is room: the core has no more clients waiting than that.
    pub(super) fn ask(&self, question: &mut Question, exchange: Option<Box<dyn AuthExchange>>) {
        let job = Job {
            connection: question.connection,
            credentials: question.credentials.take(),
            data: question.data.take(),
            exchange,
        };
        if self.jobs.try_send(job).is_err() {
            log::warn!("broker: an authentication was left out, the queue is full");
        }
    }
}

fn decide_all(jobs: &Receiver<Job>, authenticator: &dyn ClientAuthenticator, mailbox: &Mailbox) {
    for job in jobs {
        let connection = job.connection;
        let decide = std::panic::AssertUnwindSafe(|| decide(job, authenticator));
        let (decision, exchange) = std::panic::catch_unwind(decide).unwrap_or_else(|_| {
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
    /// # Errors
    /// The system gives no thread.
    pub(in crate::broker) fn start(
        mut handler: Box<dyn FnMut(&BrokerEvent) + Send>,
    ) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (events, received) = bounded::<BrokerEvent>(EVENTS_MAX);
        let run = move || {
            for event in &received {
                let call = std::panic::AssertUnwindSafe(|| handler(&event));
                if std::panic::catch_unwind(call).is_err() {
                    log::error!("broker: the handler of events panicked");
                }
            }
        };
        let thread = std::thread::Builder::new().name("mqttlink-events".into()).spawn(run)?;
        Ok((Self { events }, thread))
    }

    /// Says whether there was room.
    pub(super) fn tell(&self, event: BrokerEvent) -> bool {
        self.events.try_send(event).is_ok()
    }
}
