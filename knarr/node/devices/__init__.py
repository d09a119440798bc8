"""Give containers devices that plugins of this machine offer: v1beta1 of kubelet's device plugin API.

`face`       what the node's core asks
`pool`       pure: which devices there are, and which of them a container gets
`ledger`     who has which, written down so that the next agent knows
`messages`   what plugins and this node say to each other
`devices`    hears plugins, asks them, keeps the ledger
"""
