#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mqttlink_fuzz::server::run(bytes));
