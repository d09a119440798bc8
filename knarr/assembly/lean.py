"""Import a long-lived process's parts without what their libraries load for other users' sake.

It is half of a start: an eighth of the time and 5 MB a process are saved here.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

NO_AUTHORITIES = {"SSL_CERT_FILE": "/dev/null", "SSL_CERT_DIR": "/nonexistent"}


@contextmanager
def lean() -> Iterator[None]:
    """Import within; what is imported is taken for lasting, and never looked through for garbage.

    aiohttp reads the system's certificate authorities for a default that we never use: each request names its own.
    structlog imports rich where that is installed, to paint tracebacks; ours are JSON.
    """
    before = {name: os.environ.get(name) for name in NO_AUTHORITIES}
    os.environ.update(NO_AUTHORITIES)
    hidden = "rich" not in sys.modules
    if hidden:
        sys.modules["rich"] = None  # type: ignore[assignment]  # importing it fails. Source: reference, import system
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        if hidden:
            del sys.modules["rich"]
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
