"""Pass requests on to other servers: pods, services and nodes (the `proxy` subresources), and extension API servers."""
