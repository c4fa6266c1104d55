//! Who waits for which answer.

use std::sync::Arc;

use super::delivery::{Outcome, Ticket};
use super::handlers::Settlement;
use crate::error::Error;
use crate::proto::{RequestOutcome, Token};

/// The answer to a SUBSCRIBE or UNSUBSCRIBE.
pub(super) type Answer = Result<RequestOutcome, Error>;

/// How many tickets are kept for the next messages.
const SPARE_MAX: usize = 256;

/// One that waits.
pub(super) enum Waiter {
    Publish(Arc<Ticket<Outcome>>),
    /// Is called, not on the caller's thread.
    Call(Box<dyn FnOnce(Outcome) + Send>),
    /// With what the answer decides about handlers.
    Request(Respond, Settlement),
}

/// How the answer to a request reaches whoever asked.
pub(super) enum Respond {
    Ticket(Arc<Ticket<Answer>>),
    /// Is called, not on the caller's thread.
    Call(Box<dyn FnOnce(Answer) + Send>),
}

impl Respond {
    pub(super) fn give(self, answer: Answer) {
        match self {
            Self::Ticket(ticket) => ticket.fill(answer),
            Self::Call(call) => call(answer),
        }
    }
}

/// A table from token to waiter. A token is a place in the table and a count of its uses, so that an
/// old one finds nothing.
#[derive(Default)]
pub(super) struct Pending {
    places: Vec<Place>,
    free: Vec<u32>,
    /// Tickets that nobody else has.
    spare: Vec<Arc<Ticket<Outcome>>>,
}

struct Place {
    uses: u32,
    waiter: Option<Waiter>,
}

impl Pending {
    pub(super) fn insert(&mut self, waiter: Waiter) -> Token {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place { uses: 0, waiter: None });
            u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
        });
        let Some(place) = self.place(index) else { return Token(u64::MAX) };
        place.waiter = Some(waiter);
        Token(u64::from(place.uses) << 32 | u64::from(index))
    }

    fn place(&mut self, index: u32) -> Option<&mut Place> {
        self.places.get_mut(usize::try_from(index).unwrap_or(usize::MAX))
    }

    pub(super) fn take(&mut self, token: Token) -> Option<Waiter> {
        let index = u32::try_from(token.0 & u64::from(u32::MAX)).unwrap_or(u32::MAX);
        let place = self.place(index)?;
        if u64::from(place.uses) != token.0 >> 32 {
            return None;
        }
        let waiter = place.waiter.take()?;
        place.uses = place.uses.wrapping_add(1);
        self.free.push(index);
        Some(waiter)
    }

    /// A ticket to wait with.
    pub(super) fn ticket(&mut self) -> Arc<Ticket<Outcome>> {
        self.spare.pop().unwrap_or_else(Ticket::new)
    }

    /// Takes a ticket back if nobody else has it: its message is acknowledged, and nobody will ask.
    /// Otherwise the caller fills it.
    pub(super) fn recycle(&mut self, ticket: Arc<Ticket<Outcome>>) -> Option<Arc<Ticket<Outcome>>> {
        if Arc::strong_count(&ticket) > 1 {
            return Some(ticket);
        }
        if self.spare.len() < SPARE_MAX {
            self.spare.push(ticket);
        }
        None
    }

    /// Lets everybody who waits look whether there is still a connection.
    pub(super) fn stir(&self) {
        for place in &self.places {
            match &place.waiter {
                Some(Waiter::Publish(ticket)) => ticket.stir(),
                Some(Waiter::Request(Respond::Ticket(ticket), _)) => ticket.stir(),
                Some(Waiter::Call(_) | Waiter::Request(..)) | None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_finds_its_waiter_once() {
        let mut pending = Pending::default();
        let first = pending.insert(Waiter::Publish(Ticket::new()));
        let second = pending.insert(Waiter::Publish(Ticket::new()));
        assert_ne!(first, second);
        assert!(pending.take(first).is_some());
        assert!(pending.take(first).is_none());
        let third = pending.insert(Waiter::Publish(Ticket::new()));
        assert_ne!(third, first, "the place is used again, the token is not");
        assert!(pending.take(first).is_none());
        assert!(pending.take(second).is_some() && pending.take(third).is_some());
    }
}
