"""Serve the node's own HTTPS: logs, exec, attach, port-forward, health.

The API server is its only caller. `app` routes and authenticates, `streaming` joins an upgraded client to the container
runtime's streaming server, `translate` ends WebSockets that the runtime does not speak, `spdy` frames what it does.
"""
