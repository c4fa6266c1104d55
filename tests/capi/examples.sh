#!/bin/sh
# Runs the examples against a mosquitto of its own, with and without TLS; those with a broker inside need
# none.
#
#   tests/capi/examples.sh FOLDER_WITH_THE_PROGRAMS
set -eu
bin=$1
PATH=$PATH:/usr/sbin:/usr/local/sbin
work=$(mktemp -d)
broker=
trap 'kill $broker 2>/dev/null || true; rm -rf "$work"' EXIT

make_key() {
    openssl req -newkey rsa:2048 -nodes -keyout "$work/$1.key" -subj "/CN=$2" -out "$work/$1.csr"
    openssl x509 -req -in "$work/$1.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial \
        -days 1 -extfile "$work/$1.ext" -out "$work/$1.pem"
}
{
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/ca.key" -subj /CN=authority -days 1 \
        -out "$work/ca.pem"
    echo 'subjectAltName = DNS:localhost' >"$work/server.ext"
    echo 'extendedKeyUsage = clientAuth' >"$work/client.ext"
    make_key server localhost
    make_key client somebody
} >"$work/openssl.log" 2>&1 || { cat "$work/openssl.log"; exit 1; }
chmod 644 "$work"/*.key
chmod 755 "$work"

# mosquitto cannot choose a port: two that are free now may be taken a moment later.
for attempt in 1 2 3 4 5; do
    set -- $(python3 -c '
import socket
held = [socket.socket() for _ in range(2)]
for one in held: one.bind(("127.0.0.1", 0))
print(*[one.getsockname()[1] for one in held])')
    cat >"$work/mosquitto.conf" <<CONF
listener $1 localhost
allow_anonymous true
listener $2 localhost
cafile $work/ca.pem
certfile $work/server.pem
keyfile $work/server.key
require_certificate true
CONF
    mosquitto -c "$work/mosquitto.conf" >"$work/mosquitto.log" 2>&1 &
    broker=$!
    url=mqtt://localhost:$1
    tls=mqtts://localhost:$2
    tries=0
    until "$bin/c_hello" "$url" >"$work/hello" 2>/dev/null; do
        tries=$((tries + 1))
        kill -0 "$broker" 2>/dev/null && [ "$tries" -lt 500 ] || break
    done
    kill -0 "$broker" 2>/dev/null && break
done

expect() {
    wanted=$1
    shift
    got=$("$@" 2>&1) || { echo "$*: failed: $got"; exit 1; }
    case $got in
        *"$wanted"*) ;;
        *) echo "$*: '$got' does not hold '$wanted'"; exit 1 ;;
    esac
}
expect 'greeting: hello' "$bin/c_hello" "$url"
expect 'greeting: hello' "$bin/cpp_hello" "$url"
expect 'request 42: 21.5 degrees' "$bin/c_request" "$url"
expect 'it is noon' "$bin/cpp_request" "$url"
for language in c cpp; do
    expect 'published: the server has it (0)' "$bin/${language}_events" "$url"
    expect 'connected' "$bin/${language}_tls" "$tls" "$work/ca.pem" "$work/client.pem" "$work/client.key"
    expect 'it notices a server that is busy: as it should be' "$bin/${language}_broker"

    mkfifo "$work/ready-$language"
    "$bin/${language}_subscriber" "$url" lines 3 >"$work/lines" 2>"$work/ready-$language" &
    subscriber=$!
    read -r _ <"$work/ready-$language"
    printf 'one\ntwo\nthree\n' | "$bin/${language}_publisher" "$url" lines
    wait "$subscriber"
    [ "$(cat "$work/lines")" = "lines one
lines two
lines three" ]
done
echo "examples: all run"
