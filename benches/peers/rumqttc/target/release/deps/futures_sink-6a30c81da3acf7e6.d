/work/main/benches/peers/rumqttc/target/release/deps/futures_sink-6a30c81da3acf7e6.d: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/futures-sink-0.3.34/src/lib.rs

/work/main/benches/peers/rumqttc/target/release/deps/libfutures_sink-6a30c81da3acf7e6.rlib: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/futures-sink-0.3.34/src/lib.rs

/work/main/benches/peers/rumqttc/target/release/deps/libfutures_sink-6a30c81da3acf7e6.rmeta: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/futures-sink-0.3.34/src/lib.rs

/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/futures-sink-0.3.34/src/lib.rs:
