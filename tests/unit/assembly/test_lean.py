"""A long-lived process is imported without what it never uses, and leaves no trace of how."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

LATER = ["rich", "yaml", "joserfc", "numpy", "knarr.controllers", "knarr.scheduler", "knarr.api.columns",
         "knarr.api.custom.laws", "knarr.api.cel", "knarr.apiserver.audit"]

PROGRAM = """
import gc, json, os, sys
from knarr.assembly.lean import lean
before = dict(os.environ)
with lean():
    import {module}
said = [sorted(sys.modules), dict(os.environ) == before, gc.isenabled(), gc.get_freeze_count() > 0]
print(json.dumps(said))
"""


def imported(module):
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(module=module)], capture_output=True, check=True,
                          env={**os.environ, "SSL_CERT_DIR": "/etc/ssl/certs"})
    return json.loads(done.stdout)


@pytest.mark.slow
def test_the_server_answers_before_it_knows_everything():
    """What no first answer needs comes later: with the first table, YAML body, token, definition, or in a thread."""
    modules, *state = imported("knarr.assembly.control_plane")

    assert [] == sorted(set(LATER) & set(modules))
    assert [True, True, True] == state


def test_rich_is_found_by_who_wants_it():
    """Hidden while our parts are imported, not for ever."""
    modules, *state = imported("structlog")

    assert "rich" not in modules
    assert [True, True, True] == state
