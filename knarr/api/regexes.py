"""Match regular expressions in linear time, whatever the text: the door to RE2, whose language Kubernetes speaks.

Source: Go regexp; regexp/syntax/regexp.go for what faults are called.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import re2

PROGRAM_BYTES_MAX = 1 << 20  # of one compiled expression
KEPT_MAX = 4096  # compiled expressions, of all definitions together
OPTIONS = re2.Options()
OPTIONS.max_mem, OPTIONS.log_errors = PROGRAM_BYTES_MAX, False
SINGLE_BYTE = re.compile(r"(?<!\\)(?:\\\\)*\\C")  # which RE2 has and Go's does not
GO_SAYS = {  # what RE2 calls a fault: what Go does
    "missing ]": "missing closing ]",
    "missing )": "missing closing )",
    "invalid repetition size": "invalid repeat count",
    "no argument for repetition operator": "missing argument to repetition operator",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
    "pattern too large - compile failed": "expression too large",
}


class BadPattern(ValueError):
    """The text is no regular expression; says why, as Go does."""


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return what says whether a text holds a match; raises BadPattern."""
    search = _compiled(pattern).search
    return lambda text: search(text) is not None


def found(pattern: str, text: str) -> Iterator[str]:
    """Yield the leftmost matches that do not overlap; an empty one right behind another is none. Raises BadPattern."""
    end = -1
    for one in _compiled(pattern).finditer(text):
        if one.end() > one.start() or one.start() != end:
            yield one[0]
        end = one.end()


@lru_cache(maxsize=KEPT_MAX)
def _compiled(pattern: str) -> Any:
    try:
        compiled = re2.compile(pattern, OPTIONS)
    except re2.error as fault:
        raise BadPattern(_as_go(pattern, fault.args[0].decode(errors="replace"))) from fault
    except UnicodeEncodeError as fault:
        raise BadPattern("error parsing regexp: invalid UTF-8") from fault
    if SINGLE_BYTE.search(pattern):
        raise BadPattern("error parsing regexp: invalid escape sequence: `\\C`")
    return compiled


def _as_go(pattern: str, said: str) -> str:
    if said.startswith("trailing \\"):
        return "error parsing regexp: trailing backslash at end of expression: ``"
    head, _, rest = said.partition(": ")
    return f"error parsing regexp: {GO_SAYS.get(head, head)}: `{pattern if head == 'missing )' else rest}`"
