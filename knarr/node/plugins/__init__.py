"""What speaking to plugins of this machine takes, whatever they are for: messages from tables, gRPC on unix sockets."""
