"""Send a million hostile requests, in pieces; an interrupted run goes on where it stopped, a finished one begins anew. Exit code 1 if one was answered badly.

Then bytes that coverage guides (`guided`), and requests that the served OpenAPI documents describe (`described`).
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from tests.hostile.drive import ANEW_EVERY, drive, quiet, resident_mb

SEED = 20261123
WHOLE = 1_000_000
GROWTH_MB_MAX = 300.0  # what ever grows with the number of requests passes this soon
GUIDED = ("selectors", "quantities", "patches", "cel", "http")
GUIDED_INPUTS = 100_000  # at each door: half a minute
DESCRIBED_EXAMPLES = 20  # of each operation
STATE = Path(".fuzz") / "state.json"


def main() -> int:
    """Return 1 when something was found."""
    whole = int(sys.argv[1]) if len(sys.argv) > 1 else WHOLE
    quiet()
    state = json.loads(STATE.read_text()) if STATE.exists() else {"done": whole}
    if state["done"] >= whole:
        state = {"done": 0, "codes": {}, "bad": [], "first_mb": 0.0}
    while state["done"] < whole:
        found = asyncio.run(drive(SEED, state["done"], min(ANEW_EVERY, whole - state["done"])))
        state["done"] += found.codes.total()
        for code, number in found.codes.items():
            state["codes"][str(code)] = state["codes"].get(str(code), 0) + number
        state["bad"] += [*found.bad, *(("logged", one) for one in found.logged)]
        memory_mb = resident_mb()
        state["first_mb"] = state["first_mb"] or memory_mb  # of the first piece of all: a run that goes on has not forgotten
        STATE.parent.mkdir(exist_ok=True)
        STATE.write_text(json.dumps(state, indent=1))
        print(f"{state['done']} sent, slowest {found.slowest_s:.2f} s ({found.slowest}), {memory_mb:.0f} MB, codes {state['codes']}", flush=True)
        for bad in (*found.bad, *((one,) for one in found.logged)):
            print("!", *bad, flush=True)
        assert memory_mb < state["first_mb"] + GROWTH_MB_MAX, "memory grows with the number of requests"
    return int(bool(state["bad"])) | guided() | described()


def guided() -> int:
    """Send bytes to each door of `guided`, in a process of its own; return 1 when something was found."""
    if find_spec("atheris") is None:
        print("atheris is not installed (it has wheels for Linux on x86-64 alone): no bytes were guided by coverage")
        return 0
    ended = [subprocess.run([sys.executable, "-m", "tests.hostile.guided", door, str(GUIDED_INPUTS)], check=False).returncode for door in GUIDED]
    print("guided:", dict(zip(GUIDED, ended, strict=True)), flush=True)
    return int(any(ended))


def described() -> int:
    """Hold answers against the documents; return 1 when one differs."""
    from tests.hostile.described import Described  # schemathesis takes a second to come in

    server = Described()
    found = {label: wrong for document in server.documents() for label, wrong in server.faults(document, examples=DESCRIBED_EXAMPLES).items()}
    server.close()
    for label, wrong in found.items():
        print("!", label, wrong, flush=True)
    print("described:", len(found), "operations differ", flush=True)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
