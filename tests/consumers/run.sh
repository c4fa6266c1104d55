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
paths="-e $PWD -e $HOME/ -e ${CARGO_HOME:-$HOME/.cargo} -e ${RUSTUP_HOME:-$HOME/.rustup}"
if grep -rqaF $paths "$root/staged"; then
    echo "a path of this machine is in: $(grep -rlaF $paths "$root/staged")"
    exit 1
fi
objdump -p "$root/staged/opt/somewhere/lib/libmqttlink.so" | grep -q 'SONAME *libmqttlink.so.0'
# dlclose leaves it where its threads run.
readelf -d "$root/staged/opt/somewhere/lib/libmqttlink.so" | grep -q NODELETE

# The man page is one, without a complaint.
if command -v man >/dev/null; then
    complaints=$(LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -l \
        "$root/staged/opt/somewhere/share/man/man3/mqttlink.3" 2>&1 >/dev/null)
    [ -z "$complaints" ] || { echo "mqttlink.3: $complaints"; exit 1; }
fi

# The folder for libraries with and without the prefix before it; not elsewhere.
packaging/install.sh target/install/release /opt/somewhere /opt/somewhere/lib64/deep "$root/deep"
test -e "$root/deep/opt/somewhere/lib64/deep/libmqttlink.so"
if packaging/install.sh target/install/release /opt/somewhere /usr/lib "$root/deep" 2>/dev/null; then
    echo "a LIBDIR outside PREFIX is installed to"
    exit 1
fi

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
# Everything static, as pkg-config alone says it. What the linker remarks about names in glibc is no error.
cc -static -o "$root/bin/all-static" $here/consumer.c $(pkg-config --static --cflags --libs mqttlink) \
    2>"$root/all-static.log" || { cat "$root/all-static.log"; exit 1; }
LD_LIBRARY_PATH='' "$root/bin/all-static"
c++ -std=c++17 -Wall -Werror -o "$root/bin/cpp" $here/consumer.cpp \
    $(pkg-config --cflags --libs mqttlink)
"$root/bin/cpp"

cmake -S $here -B "$root/cmake" -DCMAKE_PREFIX_PATH="$prefix" >"$root/cmake.log"
cmake --build "$root/cmake" >>"$root/cmake.log"
for program in c_mqttlink cpp_mqttlink c_static cpp_static; do
    "$root/cmake/$program"
done

# Which versions find_package takes, and which it does not.
cat >"$root/versions.cmake" <<'EOF'
cmake_minimum_required(VERSION 3.19)
function(finds expected)
    find_package(mqttlink ${ARGN} QUIET CONFIG)
    if(NOT mqttlink_FOUND STREQUAL "${expected}")
        message(FATAL_ERROR "find_package(mqttlink ${ARGN}): found is ${mqttlink_FOUND}, not ${expected}")
    endif()
endfunction()
foreach(fits 0 0.0.9 0.1 ${VERSION} 0.0...0.1.0 0.0...1 0.1...1.0 "0.1...<1")
    finds(1 ${fits})
endforeach()
finds(1)
finds(1 ${VERSION} EXACT)
foreach(other 0.1.1 0.2 1 1.0 0.2...0.9 0.0...0.0.9 "0.0...<${VERSION}")
    finds(0 ${other})
endforeach()
finds(0 0.0.9 EXACT)
# Components that there are, that there are not, and that need not be.
finds(1 COMPONENTS shared)
finds(1 COMPONENTS shared static)
finds(1 OPTIONAL_COMPONENTS nonsense)
finds(0 COMPONENTS nonsense)
# A target that was found stays for the whole project, so without OpenSSL is a project of its own.
EOF
mkdir "$root/versions"
printf 'cmake_minimum_required(VERSION 3.19)\nproject(versions LANGUAGES C)\ninclude(%s)\n' \
    "$root/versions.cmake" >"$root/versions/CMakeLists.txt"
cmake -S "$root/versions" -B "$root/versions/build" -DCMAKE_PREFIX_PATH="$prefix" \
    -DVERSION="$version" >>"$root/cmake.log"
mkdir "$root/without"
cat >"$root/without/CMakeLists.txt" <<'EOF'
cmake_minimum_required(VERSION 3.19)
project(without LANGUAGES C)
find_package(mqttlink REQUIRED CONFIG COMPONENTS shared)
find_package(mqttlink QUIET CONFIG COMPONENTS static)
if(mqttlink_FOUND OR TARGET mqttlink::static OR NOT mqttlink_NOT_FOUND_MESSAGE MATCHES "libssl-dev")
    message(FATAL_ERROR "the static library without OpenSSL: ${mqttlink_NOT_FOUND_MESSAGE}")
endif()
EOF
cmake -S "$root/without" -B "$root/without/build" -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_DISABLE_FIND_PACKAGE_OpenSSL=ON >>"$root/cmake.log"
echo "consumers: shared, static, C++, CMake: all built and run"
