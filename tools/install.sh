#!/bin/sh
# Installs what this machine lacks to build, test and measure mqttlink, and says what it does.
# With everything in place it does nothing and takes no time.
#
#   tools/install.sh [GROUP...]    without a group: all of them
#
#   build   what `cargo build` needs: a C linker, OpenSSL's headers
#   demo    mosquitto, and the program that makes certificates
#   peers   the brokers and tools that tests/peers talks to
#   programs the client libraries that talk to the embedded broker in tests/broker
#   bench   the library that the benchmarks compare with
#   capi    what the C and C++ tests need: compilers, CMake, valgrind, mosquitto
#   cross   a compiler and an emulator for 64-bit ARM
#   dotnet  the .NET SDK and Mono, for bindings/dotnet
set -eu

cd "$(dirname "$0")/.."
tools=$PWD/.tools
packages=

say() {
    echo "install: $*"
}

# need PACKAGE COMMAND...: the package is wanted unless the command succeeds.
need() {
    package=$1
    shift
    if ! "$@" >/dev/null 2>&1; then
        packages="$packages $package"
    fi
}

# has PROGRAM: also where Debian keeps servers, which is not on everybody's PATH.
has() {
    PATH=$PATH:/usr/local/sbin:/usr/sbin command -v "$1"
}

# The oldest Node.js that the broker runs on is 16.
has_node() {
    node -e 'process.exit(parseInt(process.versions.node) >= 16 ? 0 : 1)'
}

list_build() {
    need gcc has cc
    need libc6-dev test -e /usr/include/stdio.h
    need pkg-config has pkg-config
    need libssl-dev pkg-config --exists openssl
}

list_demo() {
    need mosquitto has mosquitto
    need openssl has openssl
}

list_peers() {
    list_demo
    need mosquitto-clients has mosquitto_sub
    need python3-venv python3 -c 'import ensurepip, venv'
    need nodejs has_node
    need npm has npm
}

list_programs() {
    need mosquitto-clients has mosquitto_sub
    need python3-venv python3 -c 'import ensurepip, venv'
    need nodejs has_node
    need npm has npm
}

list_bench() {
    list_build
    need libmosquitto-dev test -e /usr/include/mosquitto.h
}

list_capi() {
    list_build
    need g++ has c++
    need cmake has cmake
    need make has make
    need valgrind has valgrind
    need clang has clang++
    need musl-tools has musl-gcc
    need python3 has python3
    list_demo
}

list_cross() {
    list_capi
    need gcc-aarch64-linux-gnu has aarch64-linux-gnu-gcc
    need g++-aarch64-linux-gnu has aarch64-linux-gnu-g++
    need qemu-user has qemu-aarch64
}

list_dotnet() {
    list_build
    need nodejs has_node
    need npm has npm
    need mono-runtime has mono
    need mono-mcs has mcs
    need mosquitto has mosquitto
    need openssl has openssl
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif has sudo >/dev/null; then
        sudo "$@"
    else
        say "root is needed for: $*"
        exit 1
    fi
}

install_packages() {
    packages=$(printf '%s\n' $packages | sort -u | tr '\n' ' ')
    [ "$packages" = " " ] && return
    if ! has apt-get >/dev/null; then
        say "this system has no apt-get; please install what these Debian packages hold: $packages"
        exit 1
    fi
    say "apt-get install $packages"
    as_root apt-get -q -o DPkg::Lock::Timeout=300 update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
        install --no-install-recommends $packages
}

# The list that was installed is kept beside it: a new list installs anew.
install_python() {
    list=tests/peers/brokers/requirements.txt
    cmp -s "$list" "$tools/venv/installed.txt" && return
    say "the Python brokers, into .tools/venv"
    rm -rf "$tools/venv"
    mkdir -p "$tools"
    python3 -m venv "$tools/venv"
    "$tools/venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$list"
    cp "$list" "$tools/venv/installed.txt"
}

install_node() {
    list=tests/peers/brokers/package-lock.json
    cmp -s "$list" "$tools/node/installed.json" && return
    say "the Node.js broker, into .tools/node"
    rm -rf "$tools/node"
    mkdir -p "$tools/node"
    cp tests/peers/brokers/package.json "$list" "$tools/node"
    (cd "$tools/node" && npm ci --silent --no-audit --no-fund --ignore-scripts)
    cp "$list" "$tools/node/installed.json"
}

install_programs() {
    list=tests/broker/programs/requirements.txt
    if ! cmp -s "$list" "$tools/programs/installed.txt"; then
        say "the Python clients, into .tools/programs"
        rm -rf "$tools/programs"
        mkdir -p "$tools"
        python3 -m venv "$tools/programs"
        "$tools/programs/bin/python" -m pip install --quiet --disable-pip-version-check -r "$list"
        cp "$list" "$tools/programs/installed.txt"
    fi
    list=tests/broker/programs/package-lock.json
    cmp -s "$list" "$tools/mqttjs/installed.json" && return
    say "the Node.js client, into .tools/mqttjs"
    rm -rf "$tools/mqttjs"
    mkdir -p "$tools/mqttjs"
    cp tests/broker/programs/package.json "$list" "$tools/mqttjs"
    (cd "$tools/mqttjs" && npm ci --silent --no-audit --no-fund --ignore-scripts)
    cp "$list" "$tools/mqttjs/installed.json"
}

# The SDK is for OpenSSL 1.1; the shim lets it run with the system's OpenSSL 3.
install_dotnet() {
    here=bindings/dotnet/sdk
    if ! cmp -s "$here/package-lock.json" "$tools/dotnet/installed.json"; then
        say "the .NET SDK, into .tools/dotnet"
        rm -rf "$tools/dotnet"
        mkdir -p "$tools/dotnet"
        cp "$here/package.json" "$here/package-lock.json" "$tools/dotnet"
        (cd "$tools/dotnet" && npm ci --silent --no-audit --no-fund --ignore-scripts)
        cp "$here/package-lock.json" "$tools/dotnet/installed.json"
    fi
    cmp -s "$here/libssl-shim.c" "$tools/dotnet/shim/libssl-shim.c" && return
    mkdir -p "$tools/dotnet/shim"
    cc -shared -fPIC -O2 -o "$tools/dotnet/shim/libssl.so.1.1" "$here/libssl-shim.c" \
        -Wl,-soname,libssl.so.1.1 -Wl,--no-as-needed -lssl -lcrypto
    cp "$here/libssl-shim.c" "$tools/dotnet/shim"
}

[ $# -gt 0 ] || set -- build demo peers programs bench capi cross dotnet
for group in "$@"; do
    case $group in
        build | demo | peers | programs | bench | capi | cross | dotnet) "list_$group" ;;
        *)
            say "there is no group '$group': build, demo, peers, programs, bench, capi, cross and dotnet are"
            exit 2
            ;;
    esac
done
install_packages
for group in "$@"; do
    if [ "$group" = peers ]; then
        install_python
        install_node
    fi
    if [ "$group" = programs ]; then
        install_programs
    fi
    if [ "$group" = dotnet ]; then
        install_dotnet
    fi
done
