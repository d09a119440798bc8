"""Serve the node's own HTTPS: logs, exec, attach, port-forward, health.

`server` routes, `access` lets callers in and asks the API about them (`judge`), `containerlogs` finds logs, `streaming`
joins an upgraded client to the container runtime's streaming server (`upstream`), `translate` and `tunnel` end
WebSockets that the runtime does not speak, `spdy` frames what it does.
"""

from knarr.node.server.access import ServingTls
from knarr.node.server.judge import ApiJudge
from knarr.node.server.server import Server

__all__ = ["ApiJudge", "Server", "ServingTls"]
