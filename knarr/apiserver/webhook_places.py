"""Find the server of a webhook: the URL as it stands, or a ready endpoint of its Service.

The pod network is reachable from where the API server runs, so an endpoint is asked itself; its certificate must be
the Service's. Source: kube apiserver util/webhook/client.go, util/proxy/proxy.go.
"""

from __future__ import annotations

from typing import Any, Final

from knarr.api import kinds
from knarr.api.kinds import Kind
from knarr.apiserver.core import Core
from knarr.apiserver.outbound import CallFailed, Place

Obj = dict[str, Any]
SLICE_LABEL: Final = "kubernetes.io/service-name"


def place_of(core: Core, client: Obj, timeout_s: int) -> Place:
    """Find where to send a review; CallFailed."""
    if client.get("url"):
        url = f"{client['url']}?timeout={timeout_s}s"
        return Place(url, url)
    service = client["service"]
    port, name = service.get("port", 443), f"{service['name']}.{service['namespace']}.svc"
    path = f"{service.get('path') or '/'}?timeout={timeout_s}s"
    shown = f"https://{name}:{port}{path}"
    entry = core.store.get(SERVICES.key(service["namespace"], service["name"]))
    if entry is None:
        raise CallFailed(f'Post "{shown}": service "{service["name"]}" not found')
    found = entry.obj
    if found["spec"].get("type") == "ExternalName":
        return Place(f"https://{found['spec']['externalName']}:{port}{path}", shown, name)
    ports = [one for one in found["spec"].get("ports") or () if one.get("port") == port]
    if not ports:
        raise CallFailed(f'Post "{shown}": no service port {port} found for service "{service["name"]}"')
    address = _endpoint(core, service, str(ports[0].get("name") or ""))
    if address is None:
        raise CallFailed(f'Post "{shown}": no endpoints available for service "{service["name"]}"')
    return Place(f"https://{address}{path}", shown, name)


def _endpoint(core: Core, service: Obj, port_name: str) -> str | None:
    for entry in core.store.list(SLICES.namespace_prefix(service["namespace"])).entries:
        one = entry.obj
        if (one["metadata"].get("labels") or {}).get(SLICE_LABEL) != service["name"]:
            continue
        port = next((row.get("port") for row in one.get("ports") or () if (row.get("name") or "") == port_name), None)
        ready = [row for row in one.get("endpoints") or () if (row.get("conditions") or {}).get("ready") is not False]
        if port and ready:
            address = core.rng.choice(ready)["addresses"][0]
            return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    return None


def _row(group: str, plural: str) -> Kind:
    found = kinds.by_resource(group, "v1", plural)
    assert found is not None, plural
    return found


SERVICES, SLICES = _row("", "services"), _row("discovery.k8s.io", "endpointslices")
