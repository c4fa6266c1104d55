//! The C library. `include/mqttlink.h` is made from these files and is the manual for all of it.
//!
//! Every exported function looks the same: its body runs inside [`guard::call`] or [`guard::or`], so that
//! no panic leaves it; [`pointer`] turns what C passes into references and says which argument cannot be
//! used; [`numbers`] does the same for enums. Results go out last, and only on success.
//!
//! Functions are not marked `unsafe`: nothing in Rust calls them, and the contract that a C caller
//! accepts stands at the top of the header.

#![allow(non_camel_case_types, reason = "these are C's names")]
#![allow(unreachable_pub, reason = "what is exported to C is not reachable from Rust")]
#![allow(clippy::too_many_arguments, reason = "C has no builders")]
#![allow(missing_debug_implementations, reason = "C cannot see them")]

// In the order of the header.
mod version;

mod status;

mod error;

mod numbers;

mod properties;

mod options;

mod events;

mod callback;

mod socket;

mod tls;

mod authenticator;

mod transport;

mod client;

mod session;

mod granted;

mod publish;

mod payload;

mod delivery;

mod subscribe;

mod receive;

mod message;

mod packet;

mod log;

mod topic;

mod broker;

mod counted;
mod fork;
mod guard;
mod handle;
mod interrupt;
mod owned;
mod pointer;
mod release;
mod source;
