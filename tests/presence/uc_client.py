"""A UC client in its own process, so that a test can kill it: last will, connected, available, then it waits.

Usage: python uc_client.py PORT PERSON PREFIX, password on standard input. Prints "ready" once everything is published.
"""

from __future__ import annotations

import asyncio
import sys

import aiomqtt


async def main(port: int, person: str, prefix: str, password: str) -> None:
    base = f"{prefix}/presence/{person}"
    will = aiomqtt.Will(f"{base}/connected", b'{"status":"offline"}', qos=1, retain=True)
    version = aiomqtt.ProtocolVersion.V5
    async with aiomqtt.Client("127.0.0.1", port, username=person, password=password, will=will, protocol=version) as c:
        await c.publish(f"{base}/connected", b'{"status":"available"}', qos=1, retain=True)
        await c.publish(f"{base}/uc", b'{"status":"available"}', qos=1, retain=True)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.stdin.readline().strip()))
