"""Runs a broker from PyPI on a loopback port of the system's choice, until standard input ends.

The port is printed: neither broker tells it by itself, but both open it through asyncio.
"""

import asyncio
import functools
import sys
import threading


def announce(start_server):
    @functools.wraps(start_server)
    async def start(*args, **kwargs):
        server = await start_server(*args, **kwargs)
        print("listening on port", server.sockets[0].getsockname()[1], flush=True)
        return server

    return start


async def run_amqtt():
    from amqtt.broker import Broker

    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": "127.0.0.1:0"}},
            "plugins": {
                "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}
            },
        }
    )
    await broker.start()
    await asyncio.Event().wait()


async def run_mqttools():
    from mqttools import Broker

    await Broker(("127.0.0.1", 0)).serve_forever()


def end_with_input():
    import os

    sys.stdin.read()
    os._exit(0)


asyncio.start_server = announce(asyncio.start_server)
threading.Thread(target=end_with_input, daemon=True).start()
asyncio.run({"amqtt": run_amqtt, "mqttools": run_mqttools}[sys.argv[1]]())
