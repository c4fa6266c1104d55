#!/bin/sh
# Cross builds the C library for 64-bit ARM with TLS, installs it into a tree of that system, builds programs
# against the installed copy with pkg-config and with CMake, shared and static, and runs them in an emulator.
#
# OpenSSL for ARM comes from Debian's archive into target/cross; nothing of it touches this system.
set -eu
cd "$(dirname "$0")/../.."
here=$PWD/tests/cross
consumers=$PWD/tests/consumers
cross=$PWD/target/cross
sysroot=$cross/sysroot
triple=aarch64-unknown-linux-gnu
arch=aarch64-linux-gnu
libraries=$sysroot/usr/lib/$arch
installed=$sysroot/usr/local/lib/$arch

say() {
    echo "cross: $*"
}

# apt_arm PROGRAM...: an apt that knows the same mirrors, another system, and nothing of what is installed here.
apt_arm() {
    program=$1
    shift
    "$program" -q -o Dir::State="$cross/apt/state" -o Dir::State::status="$cross/apt/status" \
        -o Dir::Cache="$cross/apt/cache" -o Dir::Etc::sourcelist="$cross/apt/sources.list" \
        -o Dir::Etc::sourceparts=/dev/null -o APT::Architecture=arm64 -o APT::Architectures=arm64 \
        -o APT::Sandbox::User=root "$@"
}

fetch_openssl() {
    [ -e "$libraries/libssl.so" ] && return
    say "OpenSSL for arm64 from Debian's archive, into target/cross/sysroot"
    rm -rf "$cross/apt" "$sysroot"
    mkdir -p "$cross/apt/state/lists/partial" "$cross/apt/cache/archives/partial" "$cross/apt/debs" "$sysroot"
    : >"$cross/apt/status"
    apt-get indextargets --format 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(REPO_URI) $(RELEASE) $(COMPONENT)' \
        'Identifier: Packages' 'Origin: Debian' | sort -u >"$cross/apt/sources.list"
    apt_arm apt-get update
    # The library that the headers are for has the version in its name.
    library=$(apt_arm apt-cache depends libssl-dev | sed -n 's/^ *Depends: \(libssl[0-9].*\)/\1/p' | head -n 1)
    (cd "$cross/apt/debs" && apt_arm apt-get download libssl-dev "$library")
    for deb in "$cross"/apt/debs/*.deb; do
        dpkg -x "$deb" "$sysroot"
    done
}

# The compiler's own standard library for ARM, or one built from its sources.
choose_cargo() {
    if [ -d "$(rustc --print sysroot)/lib/rustlib/$triple" ]; then
        cargo=${CARGO:-cargo}
    elif [ -d "$(rustc +nightly --print sysroot 2>/dev/null)/lib/rustlib/src" ]; then
        cargo="${CARGO:-cargo} +nightly -Zbuild-std"
        say "the standard library is built from its sources, on nightly"
    else
        say "Rust's standard library for ARM is missing: rustup target add $triple"
        exit 1
    fi
}

# In pkg-config's own words: only what is in the tree, with the tree's path before it.
packages() {
    PKG_CONFIG_PATH='' PKG_CONFIG_SYSROOT_DIR=$sysroot \
        PKG_CONFIG_LIBDIR=$installed/pkgconfig:$libraries/pkgconfig "$@"
}

emulate() {
    qemu-aarch64 -L /usr/$arch -E LD_LIBRARY_PATH="$installed:$libraries" "$@"
}

fetch_openssl
choose_cargo
say "building for $triple"
packages env PKG_CONFIG_ALLOW_CROSS=1 CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=$arch-gcc \
    CFLAGS_aarch64_unknown_linux_gnu="-I$sysroot/usr/include/$arch" \
    make --no-print-directory install CARGO="$cargo" TRIPLE=$triple STRIP=$arch-strip \
    PREFIX=/usr/local LIBDIR=lib/$arch DESTDIR="$sysroot"
$arch-readelf -h "$installed/libmqttlink.so" | grep -q 'Machine: *AArch64'
$arch-readelf -d "$installed/libmqttlink.so" | grep -q 'SONAME.*\[libmqttlink.so.0\]'
$arch-readelf -d "$installed/libmqttlink.so" | grep -q 'NEEDED.*\[libssl.so'
if grep -rqaF "$PWD" "$installed" "$sysroot/usr/local/include"; then
    say "a path of this machine is installed"
    exit 1
fi

rm -rf "$cross/bin" "$cross/cmake"
mkdir -p "$cross/bin"
system="-L$libraries -Wl,-rpath-link,$libraries"
$arch-gcc -Wall -Werror -o "$cross/bin/shared" "$consumers/consumer.c" \
    $(packages pkg-config --cflags --libs mqttlink) $system
static=$(packages pkg-config --static --libs mqttlink | sed "s|-lmqttlink|$installed/libmqttlink.a|")
$arch-gcc -Wall -Werror -o "$cross/bin/static" "$consumers/consumer.c" \
    $(packages pkg-config --cflags mqttlink) $static $system
for program in shared static; do
    emulate "$cross/bin/$program"
done

cmake -S "$consumers" -B "$cross/cmake" -DCMAKE_TOOLCHAIN_FILE="$here/toolchain.cmake" \
    -DSYSROOT="$sysroot" >"$cross/cmake.log"
cmake --build "$cross/cmake" >>"$cross/cmake.log"
for program in c_mqttlink cpp_mqttlink c_static cpp_static; do
    emulate "$cross/cmake/$program"
done
say "shared, static, C++, CMake: all built for ARM and run"
