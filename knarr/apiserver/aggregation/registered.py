"""Know the APIServices that lead to other servers. A cluster without any pays one look at an empty table a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from knarr.api import kinds
from knarr.apiserver.authz.following import Following
from knarr.store.face import Change, Entry, Store

Obj = dict[str, Any]
PORT: Final = 443


@dataclass(frozen=True, slots=True)
class Remote:
    """One APIService that leads elsewhere. ca: base64 PEM, empty for the system's own authorities."""

    group: str
    version: str
    namespace: str
    service: str
    port: int
    ca: str
    unverified: bool
    group_priority: int
    version_priority: int
    available: bool

    @property
    def name(self) -> str:
        """Return the APIService's name."""
        return f"{self.version}.{self.group}"

    @property
    def path(self) -> str:
        """Return the path below which everything is the extension server's."""
        return f"/apis/{self.group}/{self.version}"

    @property
    def server_name(self) -> str:
        """Return whom the extension server's certificate must be for."""
        return f"{self.service}.{self.namespace}.svc"


class Registered(Following):
    """The table, by group and version, kept in step with the store. Who follows from it asks to be told of changes."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.prefix = API_SERVICE.namespace_prefix("")
        self.remotes: dict[tuple[str, str], Remote] = {}
        self._listeners: list[Callable[[], object]] = []

    def on_change(self, tell: Callable[[], object]) -> None:
        """Call `tell` after every change of an APIService."""
        self._listeners.append(tell)

    def of(self, path: str) -> Remote | None:
        """Return who answers for a path; None for this server."""
        parts = path.split("/", 4)
        return self.remotes.get((parts[2], parts[3])) if len(parts) > 3 and parts[1] == "apis" else None

    def load(self) -> None:
        """Read everything anew."""
        super().load()
        self._tell()

    def _follow(self, changes: tuple[Change, ...]) -> None:
        super()._follow(changes)
        self._tell()

    def _tell(self) -> None:
        for tell in self._listeners:
            tell()

    def _clear(self) -> None:
        self.remotes.clear()

    def _put(self, entry: Entry) -> None:
        found = remote_of(entry.obj)
        if found is not None:
            self.remotes[found.group, found.version] = found

    def _drop(self, key: str) -> None:
        version, _, group = key.rpartition("/")[2].partition(".")
        self.remotes.pop((group, version), None)


def remote_of(obj: Obj) -> Remote | None:
    """Read an APIService; None for one of this server's own groups."""
    spec, conditions = obj.get("spec") or {}, (obj.get("status") or {}).get("conditions") or ()
    service = spec.get("service")
    if not service or not spec.get("group"):
        return None
    available = any(row.get("type") == "Available" and row.get("status") == "True" for row in conditions)
    return Remote(
        spec["group"], spec.get("version", ""), service.get("namespace", ""), service.get("name", ""),
        service.get("port") or PORT, spec.get("caBundle") or "", bool(spec.get("insecureSkipTLSVerify")),
        spec.get("groupPriorityMinimum") or 0, spec.get("versionPriority") or 0, available,
    )  # fmt: skip


def _api_service() -> kinds.Kind:
    found = kinds.by_kind("apiregistration.k8s.io", "v1", "APIService")
    assert found is not None, "APIServices are served"
    return found


API_SERVICE: Final = _api_service()
