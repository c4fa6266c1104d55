//! TLS through the platform's own library, as a [`Layer`](super::layer::Layer).

mod engine;
mod identity;
mod options;

pub(crate) use engine::TlsClient;
pub use options::{TlsError, TlsItem, TlsOptions, TlsVersion};
