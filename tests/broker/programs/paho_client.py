"""paho-mqtt against the broker: paho_client.py PORT VERSION, where the version is 3, 4 or 5."""

import queue
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

PATIENCE = 60


def client(port, version, name, clean=True):
    """A connected client and the queue of what it receives."""
    options = {} if version == 5 else {"clean_session": clean}
    made = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2, client_id=name, protocol=version, **options
    )
    received, connected = queue.Queue(), queue.Queue()
    made.on_message = lambda _client, _data, message: received.put(message)
    made.on_connect = lambda _c, _d, flags, reason, _p: connected.put((flags, reason))
    made.on_subscribe = lambda _c, _d, _mid, reasons, _p: connected.put(reasons)
    if version == 5:
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 0 if clean else 3600
        made.connect("127.0.0.1", port, clean_start=clean, properties=properties)
    else:
        made.connect("127.0.0.1", port)
    made.loop_start()
    flags, reason = connected.get(timeout=PATIENCE)
    assert not reason.is_failure, reason
    return made, received, connected, flags


def leave(made):
    made.disconnect()
    made.loop_stop()


def main():
    port, version = int(sys.argv[1]), int(sys.argv[2])
    made, received, answers, _ = client(port, version, "paho")
    for qos in range(3):
        made.subscribe(f"paho/{qos}", qos)
        reasons = answers.get(timeout=PATIENCE)
        assert [reason.value for reason in reasons] == [qos], reasons
        for size in (0, 1, 5_000, 300_000):
            made.publish(f"paho/{qos}", b"x" * size, qos).wait_for_publish(PATIENCE)
            message = received.get(timeout=PATIENCE)
            assert (len(message.payload), message.qos) == (size, qos), (len(message.payload), qos)
    made.publish("paho/kept", "kept", 1, retain=True).wait_for_publish(PATIENCE)
    made.subscribe("paho/kept", 1)
    answers.get(timeout=PATIENCE)
    assert received.get(timeout=PATIENCE).retain
    leave(made)

    # A session that goes on, and what was published meanwhile.
    lasting, _, answers, _ = client(port, version, "lasting", clean=False)
    lasting.subscribe("paho/later", 2)
    answers.get(timeout=PATIENCE)
    leave(lasting)
    publisher, *_ = client(port, version, "publisher")
    publisher.publish("paho/later", "meanwhile", 2).wait_for_publish(PATIENCE)
    leave(publisher)
    lasting, received, _, flags = client(port, version, "lasting", clean=False)
    assert received.get(timeout=PATIENCE).payload == b"meanwhile"
    assert flags.session_present or version == 3
    leave(lasting)
    client(port, version, "lasting")[0].disconnect()
    print("ok")


main()
