/work/main/benches/peers/rumqttc/target/release/deps/bench_rumqttc-21479f5b21445736.d: src/main.rs

/work/main/benches/peers/rumqttc/target/release/deps/bench_rumqttc-21479f5b21445736: src/main.rs

src/main.rs:
