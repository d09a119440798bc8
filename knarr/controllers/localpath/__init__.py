"""Volumes that are directories of a node, made for claims of the class `local-path`, the default class.

The contract with the node agent:
- a node says where its volumes lie in the annotation `knarr.dev/volumes-dir` of its Node (an absolute path, usually
  `<data dir>/volumes`); without it, `/var/lib/knarr/volumes` is meant;
- a volume here is `hostPath: {path: <that>/<volume name>, type: DirectoryOrCreate}` with a node affinity for the node:
  the agent makes the directory when it first mounts it, as for any such hostPath (mode 0777: pods run as anyone);
- a volume that is to be deleted keeps the finalizer `knarr.dev/local-path` until its directory is gone. The agent
  watches PersistentVolumes; where `api.volumes.directory_to_remove(volume, hostname)` gives a path, it removes that
  directory and all in it, then takes the finalizer off (merge patch with the volume's resourceVersion). The cluster
  role `knarr:local-path-node`, bound to `system:nodes`, allows it that;
- how much room a node has is told in the CSIStorageCapacity `kube-system/local-path-<node>`;
- if the node itself is gone, the finalizer is taken off here: there is nothing left to remove.
"""

from __future__ import annotations

from typing import NoReturn

from knarr.controllers.localpath.observe import observe, watches
from knarr.controllers.localpath.plan import View, plan
from knarr.controllers.localpath.setup import prepare
from knarr.reconcile.runner import Controller, Setup

CONTROLLER: Controller[View] = Controller(
    name="localpath", component="knarr.dev/local-path", watches=watches(), observe=observe, plan=plan)


async def run(setup: Setup) -> NoReturn:
    """Make the class and the nodes' role where they are missing, then provide volumes for ever."""
    await prepare(setup.informers.client, clock=setup.clock)
    await CONTROLLER.run(setup)
