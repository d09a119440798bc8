"""Give pods their volumes.

`volumes.Volumes` is the face; `sources` follows config maps and secrets, `payload` (pure) works out files, `atomic`
writes them all at once, `tokens` asks for service account tokens, `disks` makes directories, `hostpath` checks them,
`ownership` gives them to fsGroup, `csi` asks outside drivers for theirs, `subpath` mounts parts safely, `mounts` is the
door to the mount table, `reclaim` removes what deleted volumes leave behind.
"""

from knarr.node.volumes.volumes import Volumes

__all__ = ["Volumes"]
