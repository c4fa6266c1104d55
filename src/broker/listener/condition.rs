//! Somebody waits until something is true of the core.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::broker::Core;
use crate::broker::threads::in_hook;
use crate::threads::{Receiver, Sender, queue};

type Condition = Box<dyn FnMut(&Core) -> bool + Send>;

/// What became of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::broker) enum Answer {
    Holds,
    Panicked,
}

/// A condition, and who waits for it.
pub(in crate::broker) struct Waiter {
    condition: Condition,
    answer: Sender<Answer>,
    abandoned: Arc<AtomicBool>,
}

impl Waiter {
    /// With the end at which the answer comes, and a flag for whoever does not wait any more.
    pub(in crate::broker) fn new(
        condition: impl FnMut(&Core) -> bool + Send + 'static,
    ) -> (Self, Receiver<Answer>, Arc<AtomicBool>) {
        let (answer, received) = queue();
        let abandoned = Arc::new(AtomicBool::new(false));
        let condition: Condition = Box::new(condition);
        (Self { condition, answer, abandoned: Arc::clone(&abandoned) }, received, abandoned)
    }

    /// Whether nobody waits for it any more.
    pub(super) fn is_served(&mut self, core: &Core) -> bool {
        if self.abandoned.load(Ordering::SeqCst) {
            return true;
        }
        let condition = &mut self.condition;
        let answer = match in_hook(|| catch_unwind(AssertUnwindSafe(|| condition(core)))) {
            Ok(false) => return false,
            Ok(true) => Answer::Holds,
            Err(_) => Answer::Panicked,
        };
        // Whoever waited may have given up.
        self.answer.send(answer);
        true
    }
}
