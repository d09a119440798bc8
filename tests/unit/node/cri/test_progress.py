"""How far a pull is comes from what containerd writes down, and is told now and then while it lasts."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from knarr.base import virtual
from knarr.base.clock import ManualClock
from knarr.node.cri import progress
from knarr.node.cri.face import PullProgress, RuntimeFault
from knarr.node.registries.progress import told
from tests.unit.node.fake_cri import FakeRuntime

HOST, REPOSITORY = "reg.example", "shop/app"
FIRST, SECOND, THIRD = ("sha256:" + letter * 64 for letter in "abc")
MANIFEST = json.dumps({"layers": [{"digest": FIRST, "size": 300}, {"digest": SECOND, "size": 500},
                                  {"digest": THIRD, "size": 200}]}).encode()


def info(digest: str, origin: str = REPOSITORY, **parts: str) -> Any:
    """Return what containerd knows of a blob. parts: the blobs it lists."""
    labels = {progress.ORIGIN + HOST: origin, **{f"{progress.PART}{name}": part for name, part in parts.items()}}
    return SimpleNamespace(digest=digest, labels=labels)


class Content:
    """The content service of a containerd. growing: ref -> bytes written."""

    def __init__(self, *known: Any, manifest: bytes = MANIFEST, **growing: int) -> None:
        self.known, self.manifest, self.growing = known, manifest, growing
        self.asked: list[str] = []

    def unary_unary(self, method: str, **_: object) -> Any:
        """Answer what is being written."""
        async def call(request: Any, **_: object) -> Any:
            self.asked.append(method.rpartition("/")[2])
            return SimpleNamespace(statuses=[SimpleNamespace(ref=ref, offset=at) for ref, at in self.growing.items()])

        return call

    def unary_stream(self, method: str, **_: object) -> Any:
        """List what is there, or read the manifest in two pieces."""
        async def call(request: Any, **_: object) -> Any:
            name = method.rpartition("/")[2]
            self.asked.append(name)
            if name == "List":
                assert [f'labels."{progress.ORIGIN}{HOST}"'] == list(request.filters)
                yield SimpleNamespace(info=self.known)
                return
            assert request.digest == "sha256:manifest"
            for piece in (self.manifest[:20], self.manifest[20:]):
                yield SimpleNamespace(data=piece)

        return call


LISTED = {"l.0": FIRST, "l.1": SECOND, "l.2": THIRD, "config": "sha256:config"}
OURS = info("sha256:manifest", "other/name,shop/app", **LISTED)
CASES = [
    pytest.param(Content(OURS, info(FIRST), **{f"layer-{SECOND}": 125}), PullProgress(425, 1000), id="one there, one grows"),
    pytest.param(Content(OURS, **{f"layer-{FIRST}": 999}), PullProgress(300, 1000), id="never more than it is large"),
    pytest.param(Content(OURS), None, id="nothing is written"),
    pytest.param(Content(OURS, **{"manifest-sha256:x": 3}), None, id="no layer is written"),
    pytest.param(Content(info("sha256:manifest", "shop/other", **LISTED), **{f"layer-{FIRST}": 1}), None, id="another's"),
    pytest.param(Content(info("sha256:manifest", x=THIRD), **{f"layer-{FIRST}": 1}), None, id="lists no layer of it"),
    pytest.param(Content(OURS, manifest=b"{", **{f"layer-{FIRST}": 1}), None, id="a manifest that is none"),
]


@pytest.mark.parametrize(("content", "expected"), CASES)
def test_how_far_a_pull_is(content, expected):
    """Layers that are there count whole, those that grow as far as they are, the rest not yet."""
    assert expected == asyncio.run(progress.of_pull(content, HOST, REPOSITORY))


class Slow(FakeRuntime):
    """A runtime whose pulls come 2 MB further each second."""

    def __init__(self, clock: ManualClock, *faults: str) -> None:
        super().__init__(clock)
        self.faults, self.asked = faults, 0

    async def pull_progress(self, reference: str) -> PullProgress | None:
        """Tell how far it is."""
        assert reference == "reg.example/app:1"
        self.asked += 1
        if self.faults:
            raise RuntimeFault(self.faults[0], "")
        return PullProgress(int(self.clock.monotonic_s() * 2_000_000), 400_000_000)


def pulled(seconds_s: float, *faults: str) -> tuple[list[str], int]:
    """Let a pull last so long; return what was said, and how often the runtime was asked."""
    clock, said = ManualClock(), []
    runtime = Slow(clock, *faults)

    async def play() -> None:
        async with told(runtime, "reg.example/app:1", clock=clock, say=said.append):
            await clock.sleep(seconds_s)
        await clock.sleep(1_000)

    virtual.run(play(), clock)
    return said, runtime.asked


def test_a_long_pull_is_told_ever_more_rarely():
    """After 10, 30, 70 and 130 s, then each minute; nothing once it has ended."""
    said, asked = pulled(195)

    assert 5 == asked
    assert ['Pulling image "reg.example/app:1": 20.0 of 400.0 MB (5%), 2.0 MB/s',
            'Pulling image "reg.example/app:1": 60.0 of 400.0 MB (15%), 2.0 MB/s'] == said[:2]
    assert 'Pulling image "reg.example/app:1": 380.0 of 400.0 MB (95%), 2.0 MB/s' == said[-1]


@pytest.mark.parametrize(("seconds_s", "faults", "asked"), [
    pytest.param(9, (), 0, id="a short pull"),
    pytest.param(300, ("UNIMPLEMENTED",), 1, id="a runtime that cannot tell is asked once"),
])
def test_nothing_is_told(seconds_s, faults, asked):
    """Of a pull that is soon done, or that nobody knows about."""
    assert ([], asked) == pulled(seconds_s, *faults)
