"""Bytes that coverage guides, at the doors where clients' own languages are read: what reaches new code is bred on.

    python -m tests.hostile.guided DOOR [INPUTS]      the corpus in .fuzz/corpus/DOOR is kept, so a later run goes on from there

A door may refuse in its own words; anything else that it raises, and any law that an input breaks, ends the run with exit code 77.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import atheris
import structlog

INPUTS = 100_000
INPUT_BYTES_MAX = 512
INSTRUMENTED = [f"knarr.api.{name}" for name in ("selectors", "quantity", "gojson", "patch", "patch_json", "patch_strategic", "cel", "regexes", "names")]
with atheris.instrument_imports(include=[*INSTRUMENTED, "knarr.apiserver.connection", "knarr.apiserver.edge", "knarr.apiserver.intake", "knarr.apiserver.sending", "knarr.apiserver.limits"]):
    from knarr.api import cel, kinds, patch, quantity, selectors
    from knarr.api.errors import ApiError
    from knarr.api.http import Answer, Call
    from knarr.apiserver.edge import Edge

POD = kinds.by_kind("", "v1", "Pod")
assert POD is not None
VARIABLES: dict[str, Any] = {"self": {"a": {"b": [1, None, "x"]}, "s": "a" * 30, "n": 3}, "oldSelf": {"a": 1}}
OBJECT = {"metadata": {"name": "a", "labels": {"x": "y"}, "finalizers": ["f", "g"]}, "spec": {"containers": [{"name": "c", "image": "i", "env": [{"name": "A", "value": "1"}]}], "n": [1, [2]]}}
SEEDS: dict[str, tuple[str, ...]] = {
    "selectors": ("a=b,c!=d", "a in (b,c),!d,e notin (f)", "x>1,y<2", "metadata.name=a,spec.x!=b", "a\\,b=c"),
    "quantities": ("1Gi", "-1.5e3", "100m", "0.000001k", "12E", ".5Ki", "1e-9"),
    "patches": ('j[{"op":"add","path":"/spec/n/-","value":1},{"op":"move","from":"/spec/n/0","path":"/a"}]', 'm{"spec":{"n":null,"x":{"y":1}}}',
                's{"spec":{"containers":[{"name":"c","$patch":"delete"}],"$setElementOrder/containers":[{"name":"c"}]},"metadata":{"$deleteFromPrimitiveList/finalizers":["f"]}}', 's{"spec":{"$retainKeys":["n"],"$patch":"replace"}}'),
    "cel": ("self.a.b.all(x, x > 1) && has(oldSelf.a)", "'a,b'.split(',').map(x, x + '1').join('-')", "quantity('1Gi').add(1).isGreaterThan(quantity('1'))", "self.?n.orValue(2) in [1, 2]",
            "timestamp('2026-01-01T00:00:00Z') - duration('1h30m')", "{'a': 1}.transformMap(k, v, v + 1)", "'%d %s'.format([1, b'a'])", "cel.bind(x, 1, x * -9223372036854775808)", "self.s.find('(a+)+$') + r'\\n\\u00e9'"),
    "http": ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST /a?b=%zz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "GET /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n\x80\x03",
             "POST / HTTP/1.0\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08", "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n"),
}  # fmt: skip


def selectors_door(data: bytes) -> None:
    """A selector that can be read judges labels, and says the same when it is read again."""
    text = words(data)
    with suppress(ApiError):
        selectors.parse_labels(text).matches({"a": "b", "x": "3"})
    with suppress(ApiError):
        selectors.parse_fields(text)


def quantities_door(data: bytes) -> None:
    """What is canonical is canonical, and as much as before."""
    text = words(data)
    try:
        canonical = quantity.canonical(text)
    except ValueError:
        return
    assert canonical == quantity.canonical(canonical)
    assert quantity.milli(text) == quantity.milli(canonical)


def patches_door(data: bytes) -> None:
    """The first byte says which language; what comes of a patch is an object that JSON can say, and the original stays."""
    media = {b"j": patch.JSON, b"m": patch.MERGE, b"s": patch.STRATEGIC}.get(data[:1], patch.STRATEGIC)
    before = json.dumps(OBJECT)
    with suppress(ApiError):
        json.dumps(patch.apply(POD, OBJECT, body=data[1:], content_type=media))
    assert before == json.dumps(OBJECT)


def cel_door(data: bytes) -> None:
    """An expression has a value or is refused in words, with its types checked and without."""
    text = words(data)
    for names in ((), ("self", "oldSelf")):
        try:
            cel.compiled(text, names=names).value(VARIABLES)
        except cel.CelError:
            continue


class Http:
    """An edge on a port of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._faults: list[Any] = []
        self._loop.set_exception_handler(lambda loop, context: self._faults.append(context))
        structlog.configure(processors=[self._noted], wrapper_class=structlog.make_filtering_bound_logger(40))
        self._edge = Edge(self._answer)
        self._loop.run_until_complete(self._edge.start("127.0.0.1", 0, None))

    def __call__(self, data: bytes) -> None:
        """Send the bytes in two parts, and close: whatever is answered, nothing breaks."""
        self._loop.run_until_complete(self._send(data))
        assert not self._faults, self._faults

    async def _send(self, data: bytes) -> None:
        ours = socket.create_connection(("127.0.0.1", self._edge.port))
        cut = data[0] if data else 0
        with suppress(OSError):  # the server may shut its door on the first part
            for part in (data[:cut], data[cut:]):
                ours.sendall(part)
                for _ in range(4):
                    await asyncio.sleep(0)
        ours.close()
        for _ in range(4):
            await asyncio.sleep(0)

    def _noted(self, _: Any, __: str, event: Any) -> Any:
        self._faults.append(event)
        raise structlog.DropEvent

    async def _answer(self, call: Call) -> Answer:
        return Answer(200, call.path.encode("utf-8", "replace") + call.body)


DOORS: dict[str, Callable[[], Callable[[bytes], None]]] = {
    "selectors": lambda: selectors_door, "quantities": lambda: quantities_door, "patches": lambda: patches_door, "cel": lambda: cel_door, "http": Http,
}  # fmt: skip


def words(data: bytes) -> str:
    """Read bytes as text, whatever they are."""
    return data.decode("utf-8", "replace")


def main() -> None:
    """Run one door."""
    name, inputs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else INPUTS
    corpus = Path(".fuzz/corpus") / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (corpus / f"seed{number}").write_bytes(seed.encode("latin-1"))
    atheris.Setup([sys.argv[0], f"-atheris_runs={inputs}", f"-max_len={INPUT_BYTES_MAX}", "-artifact_prefix=.fuzz/", "-verbosity=0", "-print_final_stats=1", "-timeout=60", str(corpus)], DOORS[name]())
    atheris.Fuzz()


if __name__ == "__main__":
    main()
