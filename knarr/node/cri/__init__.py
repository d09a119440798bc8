"""The door to the container runtime: `face` says what may be asked of it, `runtime` asks over gRPC (CRI v1)."""
