#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mqttlink_fuzz::topic_match::run(bytes));
