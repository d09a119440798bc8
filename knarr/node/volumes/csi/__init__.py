"""Give pods the volumes of CSI drivers: outside programs that serve gRPC on unix sockets of this machine.

`registry` finds the drivers (`plugins_registry`, as kubelet's) and tells the API of them, `driver` is one of them,
`volumes` stages and publishes for pods and takes it all down again, `records` keeps on disk what was published where,
`contents` works out what a driver is told of a volume, `grow` lets mounted volumes follow their claims. `rpc` is the
only module here that speaks gRPC, `messages` says what the messages look like.
"""
