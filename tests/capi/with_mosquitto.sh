#!/bin/sh
# Runs a program with the URL of a mosquitto that is started for it.
#
#   tests/capi/with_mosquitto.sh PROGRAM [ARGUMENT...]
set -eu
PATH=$PATH:/usr/sbin:/usr/local/sbin
work=$(mktemp -d)
broker=
trap 'kill $broker 2>/dev/null || true; rm -rf "$work"' EXIT
chmod 755 "$work"

# mosquitto cannot choose a port, and one that is free now may be taken a moment later.
for attempt in 1 2 3 4 5; do
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    printf 'listener %s 127.0.0.1\nallow_anonymous true\n' "$port" >"$work/mosquitto.conf"
    mosquitto -c "$work/mosquitto.conf" >"$work/mosquitto.log" 2>&1 &
    broker=$!
    if python3 - "$port" "$broker" <<'WAIT'
import os, socket, sys
port, broker = map(int, sys.argv[1:])
while True:
    try:
        os.kill(broker, 0)
        if "State:\tZ" in open(f"/proc/{broker}/status").read(): sys.exit(1)
        socket.create_connection(("127.0.0.1", port), 1).close()
        sys.exit(0)
    except ConnectionRefusedError:
        pass
    except OSError:
        sys.exit(1)
WAIT
    then
        "$@" "mqtt://127.0.0.1:$port"
        exit
    fi
done
cat "$work/mosquitto.log"
exit 1
