"""mqttools against the broker: mqttools_client.py PORT. It speaks MQTT 5.0 at QoS 0."""

import asyncio
import sys

import mqttools

PATIENCE = 60


async def main():
    port = int(sys.argv[1])
    client = mqttools.Client(
        "127.0.0.1", port, client_id="mqttools", topic_alias_maximum=5, response_timeout=PATIENCE
    )
    await client.start()
    await client.subscribe("mqttools/#")
    for size in (0, 1, 5_000, 300_000):
        for _ in range(3):
            client.publish(mqttools.Message("mqttools/size", b"x" * size))
            message = await asyncio.wait_for(client.messages.get(), PATIENCE)
            assert (message.topic, len(message.message)) == ("mqttools/size", size), message.topic
    await client.unsubscribe("mqttools/#")
    await client.stop()
    print("ok")


asyncio.run(main())
