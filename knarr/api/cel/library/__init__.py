"""The functions of CEL and of Kubernetes' libraries, one module for each. `FUNCTIONS` holds them all."""

from __future__ import annotations

from knarr.api.cel.library import (
    authorizer,
    basics,
    formats,
    lists,
    maths,
    network,
    operators,
    quantities,
    semver,
    sets,
    strings,
    times,
)
from knarr.api.cel.overloads import Functions


def _all() -> Functions:
    functions = Functions()
    for part in (operators, basics, times, strings, lists, sets, maths, quantities, network, formats, semver,
                 authorizer):
        part.declare(functions)
    return functions


FUNCTIONS = _all()
