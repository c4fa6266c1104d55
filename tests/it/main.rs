//! Everything that is tested without a socket, in one binary: the statements of the specification,
//! scenarios with faults in virtual time, and the repository's own rules.

mod conformance;
mod peer;
