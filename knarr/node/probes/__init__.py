"""Ask containers whether they have started, are ready and are alive.

`prober` keeps one task per probe and reports verdicts; `tally` (pure) counts towards thresholds; `http`, `tcp`,
`grpc_health` and `prober`'s exec ask the question and tell the answer in kubelet's words.
"""

from knarr.node.probes.prober import Prober

__all__ = ["Prober"]
