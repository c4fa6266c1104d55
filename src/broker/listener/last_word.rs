//! What a broker that has stopped had counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::broker::BrokerStatistics;

/// Filled when the broker's thread ends, and afterwards by the thread of events.
#[derive(Debug, Default)]
pub(in crate::broker) struct LastWord {
    statistics: Mutex<Option<BrokerStatistics>>,
    /// Events of which the handler was not told any more.
    left_out: AtomicU64,
}

impl LastWord {
    pub(super) fn say(&self, statistics: BrokerStatistics) {
        let mut last = self.statistics.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some(statistics);
    }

    pub(super) fn leave_out_event(&self) {
        self.left_out.fetch_add(1, Ordering::SeqCst);
    }

    pub(in crate::broker) fn get(&self) -> Option<BrokerStatistics> {
        let mut last = *self.statistics.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(statistics) = &mut last {
            statistics.drops.events += self.left_out.load(Ordering::SeqCst);
        }
        last
    }
}
