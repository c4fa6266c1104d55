#!/bin/sh
# Installs what `make release-capi` has built into a folder of its own, and builds and runs programs against
# it: cc with pkg-config, shared and static, and CMake, shared and static, in C and C++.
set -eu
cd "$(dirname "$0")/../.."
here=tests/consumers
root=$PWD/target/consumers
rm -rf "$root"
mkdir -p "$root/bin"

packaging/install.sh target/install/release /opt/somewhere lib "$root/staged"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
for file in lib/libmqttlink.so lib/libmqttlink.so.0 "lib/libmqttlink.so.$version" lib/libmqttlink.a \
    lib/pkgconfig/mqttlink.pc lib/cmake/mqttlink/mqttlinkConfig.cmake include/mqttlink.h \
    include/mqttlink.hpp share/man/man3/mqttlink.3; do
    test -e "$root/staged/opt/somewhere/$file" || { echo "$file is not installed"; exit 1; }
done
if grep -rqF -e "$PWD" -e "$HOME/.cargo" "$root/staged"; then
    echo "a path of this machine is in: $(grep -rlF -e "$PWD" -e "$HOME/.cargo" "$root/staged")"
    exit 1
fi
objdump -p "$root/staged/opt/somewhere/lib/libmqttlink.so" | grep -q 'SONAME *libmqttlink.so.0'

prefix=$root/prefix
packaging/install.sh target/install/release "$prefix" lib ''
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
export LD_LIBRARY_PATH="$prefix/lib"

cc -Wall -Werror -o "$root/bin/shared" $here/consumer.c $(pkg-config --cflags --libs mqttlink)
"$root/bin/shared"
# The library itself static, the system's as they are.
static=$(pkg-config --static --libs mqttlink | sed "s|-lmqttlink|$prefix/lib/libmqttlink.a|")
cc -Wall -Werror -o "$root/bin/static" $here/consumer.c $(pkg-config --cflags mqttlink) $static
LD_LIBRARY_PATH='' "$root/bin/static"
c++ -std=c++17 -Wall -Werror -o "$root/bin/cpp" $here/consumer.cpp \
    $(pkg-config --cflags --libs mqttlink)
"$root/bin/cpp"

cmake -S $here -B "$root/cmake" -DCMAKE_PREFIX_PATH="$prefix" >"$root/cmake.log"
cmake --build "$root/cmake" >>"$root/cmake.log"
for program in c_mqttlink cpp_mqttlink c_static cpp_static; do
    "$root/cmake/$program"
done
echo "consumers: shared, static, C++, CMake: all built and run"
