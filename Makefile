# What each target needs and lacks it installs, through tools/install.sh, and says so.

CARGO ?= cargo
RUNS ?= 5
SECONDS ?= 600
TARGET ?= decode

.PHONY: help demo test lint bench fuzz tools

help:
	@echo 'make demo    client and broker in one process: every version and QoS, TCP, TLS, memory'
	@echo 'make test    every test'
	@echo 'make lint    formatting and clippy, as strict as it gets'
	@echo 'make bench   messages per second beside libmosquitto, rumqttc and a bare socket [RUNS=5]'
	@echo 'make tools   installs all that the others need'
	@echo 'make fuzz    one fuzz target [TARGET=decode SECONDS=600]'

demo:
	@tools/install.sh build
	@$(CARGO) run --quiet --example demo

test:
	@tools/install.sh build peers programs
	$(CARGO) test
	$(CARGO) test --no-default-features --lib --test it --test net

lint:
	@tools/install.sh build
	$(CARGO) fmt --all --check
	$(CARGO) clippy --all-targets -- -D warnings
	$(CARGO) clippy --all-targets --no-default-features -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --no-deps

bench:
	@tools/install.sh bench
	mkdir -p target/bench-peers
	cc -O2 -o target/bench-peers/mosquitto benches/peers/mosquitto.c -lmosquitto -lpthread
	$(CARGO) build --release --manifest-path benches/peers/rumqttc/Cargo.toml \
		--target-dir target/bench-peers/build
	cp target/bench-peers/build/release/bench-rumqttc target/bench-peers/rumqttc
	$(CARGO) bench --bench throughput -- --runs $(RUNS)
	$(CARGO) bench --bench broker

tools:
	tools/install.sh

fuzz:
	$(CARGO) +nightly fuzz run $(TARGET) -- -max_total_time=$(SECONDS)
