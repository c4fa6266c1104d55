//! What the next connection is made with: the part of the options that may change between two.

use std::sync::{Arc, Mutex, PoisonError};

use super::auth::Authenticator;
use super::options::Builder;
use super::shared::{Shared, Status};
use crate::error::{Error, ErrorCode};
use crate::proto::ConnectOptions;
use crate::transport::Target;

/// Where to connect, what CONNECT says, and who answers challenges.
pub(super) struct Plan {
    pub(super) target: Target,
    pub(super) connect: ConnectOptions,
    pub(super) authenticator: Option<Mutex<Box<dyn Authenticator>>>,
}

/// The plan in force.
pub(super) struct Planned {
    plan: Mutex<Arc<Plan>>,
}

impl Planned {
    pub(super) fn new(plan: Plan) -> Self {
        Self { plan: Mutex::new(Arc::new(plan)) }
    }

    pub(super) fn get(&self) -> Arc<Plan> {
        Arc::clone(&self.plan.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, plan: Arc<Plan>) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = plan;
    }
}

/// Replaces the plan of a client that has no connection.
pub(super) fn reconfigure(shared: &Shared, builder: Builder) -> Result<(), Error> {
    let (options, _) = builder.into_parts()?;
    let plan = options.plan.get();
    let mut state = shared.lock();
    if state.status != Status::Disconnected {
        let text = "the client has a connection, or is making one: disconnect first";
        return Err(Error::with_text(ErrorCode::InvalidState, text));
    }
    if !plan.connect.client_id.is_empty() {
        state.assigned_client_id = None;
    }
    shared.options.plan.replace(plan);
    Ok(())
}
