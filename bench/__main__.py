"""Run every benchmark, one after the other, each in a process of its own.

`python -m bench` runs all; `python -m bench store api` runs those. A line that misses its figure is marked.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
LOWER_IS_BETTER = {"s", "ms", "us", "MB", "%"}


def main(names: list[str]) -> int:
    """Return 1 when a benchmark itself failed; a missed figure is shown, not failed: machines differ."""
    found = sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_") and path.stem != "cluster")
    failed = 0
    for name in names or found:
        done = subprocess.run([sys.executable, "-m", f"bench.{name}"], stdout=subprocess.PIPE, text=True, check=False)
        failed |= done.returncode != 0
        for line in done.stdout.splitlines():
            print(f"{'  ' if reached(line) else '! '}{line}", flush=True)
    return int(failed)


def reached(line: str) -> bool:
    """Tell whether a `name value unit figure` line reaches its figure; other lines are let through."""
    words = line.split()
    try:
        value, unit, figure = float(words[1]), words[2], float(words[3])
    except (IndexError, ValueError):
        return True
    return value <= figure if unit in LOWER_IS_BETTER else value >= figure


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
