"""Seeds of the simulation, as a user plays them: `knarr sim`. `make soak` plays two thousand."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

HALVES = 2                                              # so that two workers of pytest share them
ROUNDS = int(os.environ.get("KNARR_SIM_ROUNDS", "200"))  # seeds in all; one costs 1 to 1.5 s of CPU
LIMIT_S = 60 + 20 * ROUNDS                              # of a machine that others use as well


def knarr_sim(*words: str) -> subprocess.CompletedProcess[str]:
    """Call the command."""
    return subprocess.run([sys.executable, "-m", "knarr.cli.main", "sim", *words], capture_output=True, text=True,
                          timeout=LIMIT_S, check=False)


@pytest.mark.slow
@pytest.mark.timeout(LIMIT_S)
@pytest.mark.parametrize("half", range(HALVES))
def test_every_seed_keeps_the_laws_and_comes_to_rest(half):
    """Users make, change and delete; parts crash, answers get lost, nodes die; then it heals."""
    rounds = ROUNDS // HALVES
    done = knarr_sim("--seed", str(1 + half * rounds), "--rounds", str(rounds))

    assert 0 == done.returncode, done.stdout[-20_000:] + done.stderr[-5_000:]


@pytest.mark.slow
def test_a_seed_goes_the_same_way_twice():
    """Otherwise nobody could play a failure again."""
    first, second = (knarr_sim("--seed", "3", "--time", "40", "--story") for _ in range(2))

    assert 0 == first.returncode, first.stdout[-20_000:] + first.stderr[-5_000:]
    assert first.stdout.splitlines() == second.stdout.splitlines()
    assert "is at rest" in first.stdout
