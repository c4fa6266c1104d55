/work/main/benches/peers/rumqttc/target/release/deps/pin_project_lite-e4eecdee5a61e839.d: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/pin-project-lite-0.2.17/src/lib.rs

/work/main/benches/peers/rumqttc/target/release/deps/libpin_project_lite-e4eecdee5a61e839.rlib: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/pin-project-lite-0.2.17/src/lib.rs

/work/main/benches/peers/rumqttc/target/release/deps/libpin_project_lite-e4eecdee5a61e839.rmeta: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/pin-project-lite-0.2.17/src/lib.rs

/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/pin-project-lite-0.2.17/src/lib.rs:
