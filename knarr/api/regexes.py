"""Match regular expressions in linear time, whatever the text: the door to `jsonschema_rs` and its regex engine.

Kubernetes' expressions are RE2's; this engine reads the same language but for a few escapes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import jsonschema_rs

PROGRAM_BYTES_MAX = 1 << 20  # of one compiled expression
KEPT_MAX = 4096  # compiled expressions, of all definitions together
OPTIONS = jsonschema_rs.RegexOptions(size_limit=PROGRAM_BYTES_MAX)


class BadPattern(ValueError):
    """The text is no regular expression; says why."""


@lru_cache(maxsize=KEPT_MAX)
def matcher(pattern: str) -> Callable[[str], bool]:
    """Return what says whether a text holds a match; raises BadPattern."""
    try:
        validator = jsonschema_rs.validator_for({"pattern": pattern}, pattern_options=OPTIONS)
    except (ValueError, jsonschema_rs.ValidationError) as fault:
        raise BadPattern(f"error parsing regexp: `{pattern}`") from fault
    matches: Callable[[str], bool] = validator.is_valid
    return matches
