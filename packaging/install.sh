#!/bin/sh
# Installs the C library that `make install` has built.
#
#   packaging/install.sh BUILD_DIR PREFIX LIBDIR DESTDIR
set -eu
build=$1 prefix=$2 libdir=$3 dest=$4$2
# LIBDIR is below the prefix, whether it is written so or not.
case $libdir in
    "$prefix"/*) libdir=${libdir#"$prefix"/} ;;
    /*) echo "LIBDIR is $libdir, which is not below PREFIX, $prefix: pass one that is, such as lib64" >&2
        exit 1 ;;
esac
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
major=${version%%.*}
lib=$dest/$libdir

# From the library's folder back to the prefix: "lib/x86_64-linux-gnu" is two up.
up=$(echo "$libdir" | sed 's|[^/][^/]*|..|g')

# How many bytes a pointer has: the fifth byte of an ELF file says which of the two.
word=8
[ "$(od -An -tu1 -j4 -N1 "$build/libmqttlink.so" | tr -d ' ')" = 2 ] || word=4

fill() {
    sed -e "s|@PREFIX@|$prefix|" -e "s|@LIBDIR@|$libdir|" -e "s|@LIBDIR_UP@|$up|" \
        -e "s|@VERSION@|$version|" -e "s|@WORD@|$word|" -e "s|@MAJOR@|$major|" "packaging/$1.in" >"$2"
    chmod 644 "$2"
}

install -d "$lib/pkgconfig" "$lib/cmake/mqttlink" "$dest/include" "$dest/share/man/man3"
install -m 755 "$build/libmqttlink.so" "$lib/libmqttlink.so.$version"
ln -sf "libmqttlink.so.$version" "$lib/libmqttlink.so.$major"
ln -sf "libmqttlink.so.$major" "$lib/libmqttlink.so"
install -m 644 "$build/libmqttlink.a" "$lib/libmqttlink.a"
"${STRIP:-strip}" --strip-debug "$lib/libmqttlink.a"
install -m 644 include/mqttlink.h include/mqttlink.hpp "$dest/include"
install -m 644 packaging/mqttlink.3 "$dest/share/man/man3"
fill mqttlink.pc "$lib/pkgconfig/mqttlink.pc"
fill mqttlinkConfig.cmake "$lib/cmake/mqttlink/mqttlinkConfig.cmake"
fill mqttlinkConfigVersion.cmake "$lib/cmake/mqttlink/mqttlinkConfigVersion.cmake"
