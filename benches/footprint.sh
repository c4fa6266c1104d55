#!/bin/sh
# Memory of a process with idle clients, and size of the library, beside libmosquitto's.
#
#   benches/footprint.sh LIBMQTTLINK_SO FOLDER_FOR_PROGRAMS
set -eu
cd "$(dirname "$0")/.."
library=$1
bin=$2
system=$(ldconfig -p | sed -n 's/.*libmosquitto\.so\.1 .*=> //p' | head -n 1)

cc -O2 -Iinclude -o "$bin/footprint-mqttlink" benches/peers/footprint.c "$library" \
    -Wl,-rpath,'$ORIGIN'
cc -O2 -DMOSQUITTO -o "$bin/footprint-mosquitto" benches/peers/footprint.c -lmosquitto
strip -o "$bin/stripped-mqttlink" "$library"
strip -o "$bin/stripped-mosquitto" "$(readlink -f "$system")"

# The middle one of three.
median() {
    { "$@"; "$@"; "$@"; } | sort -n | sed -n 2p
}
printf '\nidle clients in one process, KiB   %14s %14s\n' mqttlink libmosquitto
for clients in 1 200; do
    # Resident, of that its own, threads.
    set -- $(median "$bin/footprint-mqttlink" $clients) $(median "$bin/footprint-mosquitto" $clients)
    printf '%4d: resident                      %14d %14d\n' $clients "$1" "$4"
    printf '      of that not shared with others %12d %14d\n' "$2" "$5"
    printf '      threads                      %14d %14d\n' "$3" "$6"
done
printf 'stripped library, bytes            %14d %14d\n' \
    "$(wc -c <"$bin/stripped-mqttlink")" "$(wc -c <"$bin/stripped-mosquitto")"
