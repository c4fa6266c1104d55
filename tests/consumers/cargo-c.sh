#!/bin/sh
# Installs the C library with cargo-c, by the recipe in Cargo.toml, and compares with what packaging/install.sh
# makes of the same library: names, SONAME, symbols, headers, and every answer of pkg-config. Then builds and runs
# programs against it, shared and static.
set -eu
cd "$(dirname "$0")/../.."
here=tests/consumers
root=$PWD/target/cargo-c
tool=$PWD/.tools/cargo-c
wanted=0.10.24
cargo=${CARGO:-cargo}

if ! "$tool/bin/cargo-capi" --version 2>/dev/null | grep -qF "$wanted"; then
    echo "install: cargo-c $wanted, into .tools/cargo-c; it takes some minutes"
    RUSTFLAGS='' "$cargo" install cargo-c --version "$wanted" --locked --debug --bin cargo-capi --root "$tool"
fi

rm -rf "$root/staged" "$root/ours" "$root/bin"
mkdir -p "$root/bin"
prefix=$root/staged/prefix
"$tool/bin/cargo-capi" capi install --target-dir "$root/build" --prefix "$prefix" --libdir lib
lib=$prefix/lib

# What our own installer makes of it, to the same place in a folder of its own.
mkdir -p "$root/ours"
packaging/install.sh "$lib" "$prefix" lib "$root/ours"
ours=$root/ours$prefix
list() {
    # The CMake package and the man page are ours alone.
    (cd "$1" && find . ! -type d ! -path '*/cmake/*' ! -path '*/man/*' | sort)
}
list "$ours" >"$root/ours.txt"
list "$prefix" >"$root/theirs.txt"
diff "$root/ours.txt" "$root/theirs.txt"
cmp "$ours/include/mqttlink.h" "$prefix/include/mqttlink.h"
cmp "$ours/include/mqttlink.hpp" "$prefix/include/mqttlink.hpp"
objdump -p "$lib/libmqttlink.so" | grep -q 'SONAME *libmqttlink.so.0$'
nm -D --defined-only "$lib/libmqttlink.so" | sed -n 's/.* T //p' | LC_ALL=C sort >"$root/symbols.txt"
diff tests/capi/symbols.txt "$root/symbols.txt"

# Every answer of pkg-config. The order of the private libraries is the compiler's; -lgcc_s, which a program that
# is all static cannot have and every other one gets by itself, is left out by ours.
answers() {
    for question in --cflags --libs --modversion --variable=prefix --variable=libdir --variable=includedir; do
        PKG_CONFIG_PATH=$1/lib/pkgconfig pkg-config "$question" mqttlink
    done
    PKG_CONFIG_PATH=$1/lib/pkgconfig pkg-config --static --libs mqttlink | tr ' ' '\n' | grep -vx -e -lgcc_s | sort
    sed -n '/^Name:/p; /^Description:/p' "$1/lib/pkgconfig/mqttlink.pc"
}
answers "$ours" >"$root/ours.txt"
answers "$prefix" >"$root/theirs.txt"
diff "$root/ours.txt" "$root/theirs.txt"

export PKG_CONFIG_PATH="$lib/pkgconfig"
cc -Wall -Werror -o "$root/bin/shared" $here/consumer.c $(pkg-config --cflags --libs mqttlink)
LD_LIBRARY_PATH=$lib "$root/bin/shared"
static=$(pkg-config --static --libs mqttlink | sed "s|-lmqttlink|$lib/libmqttlink.a|")
cc -Wall -Werror -o "$root/bin/static" $here/consumer.c $(pkg-config --cflags mqttlink) $static
LD_LIBRARY_PATH='' "$root/bin/static"
c++ -std=c++17 -Wall -Werror -o "$root/bin/cpp" $here/consumer.cpp $(pkg-config --cflags --libs mqttlink)
LD_LIBRARY_PATH=$lib "$root/bin/cpp"
echo "cargo-c: the same files, names and answers as make install; shared, static and C++ built and run"
