# What each target needs and lacks it installs, through tools/install.sh, and says so.

CARGO ?= cargo
RUNS ?= 5
SECONDS ?= 600
TARGET ?= decode
PREFIX ?= /usr/local
LIBDIR ?= lib
DESTDIR ?=
# The Rust target that the C library is installed for; empty: this machine.
TRIPLE ?=
STRIP ?= strip
STORM_SECONDS ?= 5
CARGO_HOME ?= $(HOME)/.cargo

# The test programs of bindings/dotnet.
DOTNET_SUITES := MqttLink.Tests MqttLink.M2Mqtt.Tests

# The C library's name at run time: the first number of the version. It is never unloaded, because threads of it may
# run as long as the process.
SONAME := libmqttlink.so.$(shell sed -n 's/^version = "\([0-9]*\).*/\1/p' Cargo.toml | head -n 1)
SHARED := -C link-arg=-Wl,-soname,$(SONAME) -C link-arg=-Wl,-z,nodelete

.PHONY: help demo test test-capi test-asan test-install test-cargo-c test-cross capi release-capi install dotnet \
	test-dotnet lint bench fuzz tools

help:
	@echo 'make demo    client and broker in one process: every version and QoS, TCP, TLS, memory'
	@echo 'make test    every test'
	@echo 'make install the C library, its headers, pkg-config and CMake files [PREFIX= LIBDIR= DESTDIR=]'
	@echo 'make test-cargo-c  the C library by the recipe for cargo-c, which it installs, beside that of make install'
	@echo 'make test-cross  the C library for 64-bit ARM: built, installed, linked with and run in an emulator'
	@echo 'make dotnet  the .NET assemblies; make test-dotnet: their tests, on .NET Core and Mono'
	@echo 'make test-asan  the C suites and a storm with AddressSanitizer [STORM_SECONDS=60], on nightly'
	@echo 'make lint    formatting and clippy, as strict as it gets'
	@echo 'make bench   messages per second of Rust, C and .NET beside libmosquitto, rumqttc and a bare socket [RUNS=5]'
	@echo 'make tools   installs all that the others need'
	@echo 'make fuzz    one fuzz target [TARGET=decode SECONDS=600]'

demo:
	@tools/install.sh build
	@$(CARGO) run --quiet --example demo

test:
	@tools/install.sh build peers programs
	$(CARGO) test
	$(CARGO) test --no-default-features --lib --test it --test net
	$(CARGO) test --features capi --lib ffi
	$(MAKE) test-capi test-install test-dotnet

# The C library as it is built for tests.
capi:
	$(CARGO) rustc --lib --features capi --crate-type cdylib,staticlib -- \
		$(SHARED)

test-capi: capi
	@tools/install.sh capi
	cmake -S tests/capi -B target/capi -DSTORM_SECONDS=$(STORM_SECONDS) \
		-DMQTTLINK_LIBRARY=$(CURDIR)/target/debug/libmqttlink.so
	cmake --build target/capi
	cd target/capi && ctest --output-on-failure --output-junit report.xml

# The .NET assemblies, warnings as errors, without a package feed.
dotnet: capi
	@tools/install.sh dotnet
	tools/dotnet build bindings/dotnet/MqttLink.sln -v quiet -nologo

# The same test programs on .NET Core and on Mono, the examples, and the package.
test-dotnet: dotnet release-capi
	for suite in $(DOTNET_SUITES); do for runtime in core mono; do \
		tools/dotnet run-$$runtime target/dotnet/bin/$$suite/netstandard2.0/$$suite.dll \
			--junit=target/dotnet/$$suite-$$runtime.xml || exit 1; \
	done; done
	tools/dotnet target/dotnet/bin/Hello/netcoreapp3.1/Hello.dll
	tools/dotnet target/dotnet/bin/UnitTest/netcoreapp3.1/UnitTest.dll
	for runtime in core mono; do \
		tools/dotnet run-$$runtime target/dotnet/bin/Readme/netstandard2.0/Readme.dll || exit 1; \
	done
	for runtime in core mono; do \
		tools/dotnet run-$$runtime target/dotnet/bin/M2MqttExamples/netstandard2.0/M2MqttExamples.dll all || exit 1; \
	done
	bindings/dotnet/package/test.sh

# The library and the suites with AddressSanitizer. It needs a nightly compiler.
ASAN_TARGET := x86_64-unknown-linux-gnu
test-asan:
	@tools/install.sh capi
	RUSTFLAGS=-Zsanitizer=address $(CARGO) +nightly rustc --lib --features capi \
		--crate-type cdylib --target $(ASAN_TARGET) --target-dir target/asan -- \
		$(SHARED)
	cmake -S tests/capi -B target/asan/capi -DSANITIZER=address \
		-DSTORM_SECONDS=$(STORM_SECONDS) \
		-DMQTTLINK_LIBRARY=$(CURDIR)/target/asan/$(ASAN_TARGET)/debug/libmqttlink.so
	cmake --build target/asan/capi
	cd target/asan/capi && ctest --output-on-failure

# Each kind of library by itself, so that link-time optimisation applies; without a path of this machine.
RELEASE_FLAGS := --remap-path-prefix=$(CARGO_HOME)=cargo --remap-path-prefix=$(CURDIR)=mqttlink
RELEASE_SETTINGS := CARGO_PROFILE_RELEASE_LTO=thin CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 \
	CARGO_PROFILE_RELEASE_DEBUG=false RUSTFLAGS='$(RELEASE_FLAGS)'
RELEASE := $(RELEASE_SETTINGS) \
	$(CARGO) rustc --release --lib --features capi --target-dir target/install \
	$(if $(TRIPLE),--target $(TRIPLE))
RELEASE_DIR := target/install/$(if $(TRIPLE),$(TRIPLE)/)release

release-capi:
	@tools/install.sh build
	$(RELEASE) --crate-type cdylib -- $(SHARED) -C strip=symbols
	$(RELEASE) --crate-type staticlib

install: release-capi
	STRIP='$(STRIP)' packaging/install.sh $(RELEASE_DIR) '$(PREFIX)' '$(LIBDIR)' '$(DESTDIR)'

test-install: release-capi
	@tools/install.sh capi
	tests/consumers/run.sh

# What cargo-c installs, beside what `make install` does.
test-cargo-c:
	@tools/install.sh capi
	$(RELEASE_SETTINGS) CARGO='$(CARGO)' tests/consumers/cargo-c.sh

# The library for 64-bit ARM, run in an emulator.
test-cross:
	@tools/install.sh cross
	CARGO='$(CARGO)' tests/cross/run.sh

lint:
	@tools/install.sh build
	$(CARGO) fmt --all --check
	$(CARGO) clippy --all-targets -- -D warnings
	$(CARGO) clippy --all-targets --all-features -- -D warnings
	$(CARGO) clippy --all-targets --no-default-features -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --no-deps

bench:
	@tools/install.sh bench dotnet
	mkdir -p target/bench-peers
	cc -O2 -o target/bench-peers/mosquitto benches/peers/mosquitto.c -lmosquitto -lpthread
	$(MAKE) release-capi
	cp target/install/release/libmqttlink.so target/bench-peers/$(SONAME)
	cc -O2 -Iinclude -o target/bench-peers/mqttlink-c benches/peers/mqttlink.c \
		target/bench-peers/$(SONAME) -Wl,-rpath,'$$ORIGIN' -lpthread
	cc -O2 -Iinclude -shared -fPIC -o target/bench-peers/libmqttlink-c.so benches/peers/mqttlink.c \
		target/bench-peers/$(SONAME) -Wl,-rpath,'$$ORIGIN' -lpthread
	$(CARGO) build --release --manifest-path benches/peers/rumqttc/Cargo.toml \
		--target-dir target/bench-peers/build
	cp target/bench-peers/build/release/bench-rumqttc target/bench-peers/rumqttc
	tools/dotnet build bindings/dotnet/Bench/Bench.csproj -v quiet -nologo
	$(CARGO) bench --bench throughput -- --runs $(RUNS)
	benches/footprint.sh target/install/release/libmqttlink.so target/bench-peers
	$(CARGO) bench --bench broker

tools:
	tools/install.sh

fuzz:
	$(CARGO) +nightly fuzz run $(TARGET) -- -max_total_time=$(SECONDS)
