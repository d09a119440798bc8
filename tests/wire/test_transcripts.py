"""What kubectl prints, command by command, against golden files; and every kind in `explain`, `get` and `describe`."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.wire.serving import Served, serve_locked, serving
from tests.wire.test_kubectl import Kubectl, binaries
from tests.wire.transcripts import TOPICS, Line

COMMON = Path(__file__).parent / "manifests/common.yaml"
PLACES = re.compile("MANIFESTS|OVERLAY|CERT|KEY|LOCAL")  # what stands for a path in a line
EDITOR = "sed -i 's/replicas: 2/replicas: 3/'"  # what `edit` opens

VERSION = "kubectl.1.33"  # others print a few words otherwise: tests/wire/test_kubectl.py and tests/e2e ask for what they share
OTHERS = "KNARR_EVERY_KUBECTL"  # set it to work through the topics with every version found
TOO_OLD = {("kubectl.1.27", "auth whoami")}  # it knows the API's betas alone, as it says
MASKS = (
    (re.compile(r"https://127\.0\.0\.1:\d+"), "https://SERVER"),
    (re.compile(r"\b10\.\d+\.\d+\.\d+\b"), "ADDRESS"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "UID"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}"
                r"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} UTC"), "TIME"),
    (re.compile(r'(resourceVersion"?: ?)"\d+"'), r'\1"VERSION"'),
    (re.compile(r"(Resource Version: +)\d+"), r"\1VERSION"),
    (re.compile(r"\b(\d+m)?\d+s\b|<invalid>|\b[1-9]\d{2,3}d\b"), "AGE"),
    (re.compile(r":3\d{4}\b(?!123)"), ":PORT"),
    (re.compile(r"/\S*(LIVE|MERGED)-\d+/"), r"\1/"),
    (re.compile(r"\t\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ [+-]\d{4}"), "  TIME"),
    (re.compile(r"credential-id=\S+|X509SHA256=\S+"), "CREDENTIAL"),
    (re.compile(r"X509SHA256=[0-9a-f]+"), "DIGEST"),
    (re.compile(r"[EWI]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ "), "LOG "),
    (re.compile(r"(Client Version: v1\.33|Server Version: .*\+knarr)\.[\w.]+"), r"\1"),
    (re.compile(r" {2,}"), "  "),
)


def chosen() -> list[Path]:
    """Return the versions to work with."""
    return [path for path in binaries() if path.name == VERSION or OTHERS in os.environ]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """An empty server for every topic: what one leaves is not seen by the next."""
    with serving(tmp_path, serve=serve_locked) as found:
        yield found


@pytest.fixture
def kubectl(served: Served, tmp_path: Path) -> Kubectl:
    found = [path for path in binaries() if path.name == VERSION]
    if not found:
        pytest.skip(f"no {VERSION} beside kubectl")
    return Kubectl(found[0], served, tmp_path / "cache")


@pytest.mark.slow
@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("binary", chosen(), ids=lambda path: path.name)
def test_golden_transcripts(served, tmp_path, golden, binary, topic):
    """Somebody works through a topic; every word kubectl prints is the kept one, but for what is drawn or told by a clock.

    Other versions word a few things otherwise; what is done and what is refused is the same.
    """
    tool = Kubectl(binary, served, tmp_path / "cache")
    told = "\n".join(said(tool, line) for line in TOPICS[topic])
    if binary.name == VERSION:
        golden(f"kubectl/{topic.replace(' ', '_')}.txt", told)


def said(kubectl: Kubectl, line: Line) -> str:
    """Type one line; return it with what was answered."""
    typed, stdin = line if isinstance(line, tuple) else (line, "")
    words = shlex.split(typed.removeprefix("! "))
    certificate, key = kubectl.served.pki.files("admin")
    places = {"MANIFESTS": str(COMMON), "OVERLAY": str(COMMON.parent / "overlay"), "CERT": certificate, "KEY": key, "LOCAL": str(kubectl.cache / "copied")}
    words = [PLACES.sub(lambda found: places[found[0]], word) for word in words]
    command = [str(kubectl.binary), "--kubeconfig", str(kubectl.served.kubeconfig), "--cache-dir", str(kubectl.cache), *words]
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "KUBE_EDITOR": EDITOR})
    answer = (done.stdout + done.stderr).replace(str(kubectl.served.kubeconfig), "KUBECONFIG")
    refused = typed.startswith("! ") or (kubectl.binary.name, typed) in TOO_OLD
    assert (done.returncode != 0) == refused, (typed, answer)
    for pattern, word in MASKS:
        answer = pattern.sub(word, answer)
    return f"$ kubectl {typed.removeprefix('! ')}\n{answer}"


@pytest.mark.slow
def test_every_kind_is_explained_got_and_described(kubectl):
    """`api-resources` names them; no kind's fields, table or description is missing or fails."""
    rows = [line.split() for line in kubectl("api-resources", "-o", "wide", "--no-headers").splitlines()]
    named = [Named.of(words) for words in rows]
    assert len(named) >= 65
    for one in named:
        told = kubectl("explain", "--recursive", one.plural, f"--api-version={one.version}")
        assert f"KIND:       {one.kind}\n" in told, one
        assert "FIELDS:" in told, one
    listed = ",".join(one.full for one in named if "list" in one.verbs)
    kubectl("get", listed, "-A", "--ignore-not-found")
    kubectl("describe", listed, "-A")


@dataclass(frozen=True)
class Named:
    """A row of `api-resources -o wide`: short names and categories may be missing."""

    plural: str
    version: str
    kind: str
    verbs: list[str]

    @classmethod
    def of(cls, words: list[str]) -> Named:
        at = next(number for number, word in enumerate(words) if word in ("true", "false"))
        return cls(words[0], words[at - 1], words[at + 1], words[at + 2].split(","))

    @property
    def full(self) -> str:
        group, _, version = self.version.rpartition("/")
        return f"{self.plural}.{version}.{group}" if group else self.plural
