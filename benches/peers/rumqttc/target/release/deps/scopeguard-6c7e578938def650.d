/work/main/benches/peers/rumqttc/target/release/deps/scopeguard-6c7e578938def650.d: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/scopeguard-1.2.0/src/lib.rs

/work/main/benches/peers/rumqttc/target/release/deps/libscopeguard-6c7e578938def650.rlib: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/scopeguard-1.2.0/src/lib.rs

/work/main/benches/peers/rumqttc/target/release/deps/libscopeguard-6c7e578938def650.rmeta: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/scopeguard-1.2.0/src/lib.rs

/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/scopeguard-1.2.0/src/lib.rs:
