//! The library's version.

#![allow(dead_code, reason = "they are for C: only the header mentions all of them")]

use std::ffi::c_char;

/// The first number of the version that this header belongs to: changes when programs have to.
pub const MQTTLINK_VERSION_MAJOR: i32 = 0;

/// The second number of the version that this header belongs to: changes when functions are added.
pub const MQTTLINK_VERSION_MINOR: i32 = 1;

/// The third number of the version that this header belongs to.
pub const MQTTLINK_VERSION_PATCH: i32 = 0;

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");

/// The version of the library that is running, such as "0.1.0". Lives as long as the library.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_version() -> *const c_char {
    VERSION.as_ptr().cast()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_the_version_of_the_package() {
        let numbers = [MQTTLINK_VERSION_MAJOR, MQTTLINK_VERSION_MINOR, MQTTLINK_VERSION_PATCH];
        let header = numbers.map(|number| number.to_string()).join(".");
        assert_eq!(header, env!("CARGO_PKG_VERSION"));
    }
}
