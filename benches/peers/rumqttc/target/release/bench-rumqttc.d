/work/main/benches/peers/rumqttc/target/release/bench-rumqttc: /work/main/benches/peers/rumqttc/src/main.rs
