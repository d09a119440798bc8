"""Measure the creation of custom objects whose definition has CEL rules. Prints a line.

    python -m bench.custom

The server is asked in its own process, over a store in memory: what counts is the processor time of decoding, defaults,
schema, three rules, ownership and admission. The figure is a median of five runs.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

import orjson

from knarr.api.http import Call, User
from knarr.apiserver.server import ApiServer
from knarr.store.memory import open_memory

RUNS = 5
OBJECTS = 500  # in one run
FIGURE = 600  # objects a second
ADMIN = User("admin", groups=("system:masters",))
RULES = [
    {"rule": "self.min <= self.max", "message": "min must not exceed max"},
    {"rule": "self.names.all(n, n.size() < 20 && n.startsWith('a'))"},
    {"rule": "!has(self.memory) || quantity(self.memory).isLessThan(quantity('10Gi'))"},
]
SPEC = {"type": "object", "x-kubernetes-validations": RULES, "properties": {
    "min": {"type": "integer"}, "max": {"type": "integer"}, "memory": {"type": "string", "maxLength": 20},
    "names": {"type": "array", "maxItems": 10, "items": {"type": "string", "maxLength": 30}}}}
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": "gears.example.com"},
    "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "gears", "kind": "Gear"}, "versions": [
        {"name": "v1", "served": True, "storage": True,
         "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": SPEC}}}}]},
}


def main() -> None:
    """Print the line."""
    rates = asyncio.run(measured())
    print(f"custom_create_with_rules {statistics.median(rates):.0f} 1/s {FIGURE}")


async def measured() -> list[float]:
    """Return objects per second of processor time, run by run."""
    server = ApiServer(open_memory())
    await server.start()
    await post(server, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", DEFINITION)
    rates = []
    for run in range(RUNS):
        began_s = time.process_time()
        for number in range(OBJECTS):
            await post(server, "/apis/example.com/v1/namespaces/default/gears", gear(f"g-{run}-{number}"))
        rates.append(OBJECTS / (time.process_time() - began_s))
    await server.stop()
    return rates


async def post(server: ApiServer, path: str, body: dict[str, Any]) -> None:
    """Create an object, and insist that it worked."""
    sent = {"content-type": "application/json", "user-agent": "bench"}
    answer = await server.handle(Call("POST", path, {}, sent, orjson.dumps(body), ADMIN))
    assert answer.status == 201, answer.body


def gear(name: str) -> dict[str, Any]:
    """Return one object's manifest."""
    spec = {"min": 1, "max": 2, "memory": "1Gi", "names": ["a1", "a2", "a3", "a4"]}
    return {"apiVersion": "example.com/v1", "kind": "Gear", "metadata": {"name": name}, "spec": spec}


if __name__ == "__main__":
    main()
