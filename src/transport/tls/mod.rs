//! TLS through the platform's own library, as a [`Layer`](super::layer::Layer).

mod engine;
mod identity;
mod options;
#[cfg(all(unix, not(target_vendor = "apple")))]
mod server;
#[cfg(not(all(unix, not(target_vendor = "apple"))))]
#[path = "server_absent.rs"]
mod server;
mod server_options;

pub(crate) use engine::TlsClient;
pub use options::{TlsError, TlsItem, TlsOptions, TlsVersion};
pub(crate) use server::{ServerTls, TlsStream};
pub use server_options::TlsServerOptions;
