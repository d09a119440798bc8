"""Know the ranges that Services' addresses come from: the server's own, and those of ServiceCIDRs that are Ready.

Source: kube registry/core/service/ipallocator/cidrallocator.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, ip_network
from typing import Any, Final

from knarr.api import kinds
from knarr.api.kinds import Kind
from knarr.apiserver.core import Core

Obj = dict[str, Any]


class ServiceRanges:
    """The ranges of one server. They are read anew when a ServiceCIDR has changed, and only then."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.own = IPv4Network(core.settings.service_cidr)
        self._read_at: tuple[int, ...] = ()
        self._ready: tuple[IPv4Network, ...] = (self.own,)

    def ready(self) -> tuple[IPv4Network, ...]:
        """Return the ranges, the server's own first."""
        entries = self._core.store.list(PREFIX).entries
        read_at = tuple(entry.revision for entry in entries)
        if read_at != self._read_at:
            found = [one for entry in entries for one in networks(entry.obj)]
            self._ready = (self.own, *(one for one in dict.fromkeys(found) if one != self.own))
            self._read_at = read_at
        return self._ready

    def holds(self, address: IPv4Address) -> bool:
        """Tell whether an address lies in any range."""
        return any(address in one for one in self.ready())


def networks(obj: Obj) -> Iterator[IPv4Network]:
    """Yield a ServiceCIDR's IPv4 ranges; none if it is not Ready or on its way out."""
    conditions = (obj.get("status") or {}).get("conditions") or ()
    ready = any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)
    if not ready or obj["metadata"].get("deletionTimestamp"):
        return
    for text in (obj.get("spec") or {}).get("cidrs") or ():
        found = ip_network(text)
        if isinstance(found, IPv4Network):
            yield found


def _range_kind() -> Kind:
    found = kinds.by_resource("networking.k8s.io", "v1", "servicecidrs")
    assert found is not None, "ServiceCIDRs are served"
    return found


PREFIX: Final = _range_kind().namespace_prefix("")
