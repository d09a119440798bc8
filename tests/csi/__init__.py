"""A small real CSI driver and its sidecars: `driver` serves gRPC, `sidecars` provision, attach and resize."""
