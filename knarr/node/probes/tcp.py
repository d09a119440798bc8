"""Probe by connecting. Source: kube pkg/probe/tcp/tcp.go."""

from __future__ import annotations

import asyncio

from knarr.node.probes import dial
from knarr.node.probes.tally import Outcome


async def probe(host: str, port: int, *, timeout_s: float) -> Outcome:
    """Connect and hang up."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            transport, _ = await loop.create_connection(asyncio.Protocol, host, port)
    except TimeoutError:
        return Outcome("failure", f"dial tcp {dial.join(host, port)}: i/o timeout")
    except OSError as error:
        return Outcome("error" if dial.is_ours(error) else "failure", dial.told(error, host, port))
    transport.abort()          # RST rather than FIN: no TIME_WAIT left behind by a thousand probes a second
    return Outcome("success")
