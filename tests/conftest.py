"""What all tests share: property tests without a clock or dice, and golden files.

Golden files: what Knarr prints or writes for others, byte for byte. `make golden` rewrites them; review reads the diff.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no fault: no example is judged by how long it took. And the same code gets the same answer
# twice: `make test` always plays the same examples; `make soak` looks for new ones.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow],
                          derandomize=not os.environ.get("KNARR_NEW_EXAMPLES"))
settings.load_profile("steady")

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--golden-rewrite`."""
    parser.addoption("--golden-rewrite", action="store_true", help="write the golden files instead of comparing")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare text with the file of a name below tests/golden; fails with the difference."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--golden-rewrite"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            return
        assert path.exists(), f"no tests/golden/{name} yet: make golden"
        kept = path.read_text()
        change = "\n".join(difflib.unified_diff(kept.splitlines(), text.splitlines(), "kept", "now", lineterm=""))
        assert kept == text, f"tests/golden/{name} differs; if that is meant: make golden\n{change}"

    return compare
