"""Count what is used of each ResourceQuota: at first, when something goes, and when somebody else wrote the status."""

from __future__ import annotations

from knarr.api.types.core_v1 import ResourceQuota
from knarr.controllers.resourcequota.observe import NAMESPACE, Observer
from knarr.controllers.resourcequota.plan import plan
from knarr.reconcile.runner import Controller, Runner, Setup, Watch


def changed(old: ResourceQuota | None, new: ResourceQuota | None) -> bool:
    """Say whether a quota must be counted: not after each charge, for that is what its server has just counted."""
    if old is None or new is None:
        return new is not None
    return old.spec != new.spec or old.status.hard != new.status.hard


async def run(setup: Setup) -> None:
    """Count for ever."""
    def stir(namespace: str) -> None:
        for one in setup.informers.of(ResourceQuota).by(NAMESPACE, namespace):
            runner.queue.add((namespace, one.metadata.name or ""))

    observer = Observer(stir)
    watch = Watch(
        ResourceQuota, lambda informers, one: [(one.metadata.namespace or "", one.metadata.name or "")], when=changed,
        indexes={NAMESPACE: lambda one: [one.metadata.namespace or ""]})
    runner = Runner(Controller(
        name="resourcequota", component="resourcequota-controller", watches=[watch], observe=observer.observe,
        plan=plan), setup)
    try:
        await runner.run()
    finally:
        observer.stop()
