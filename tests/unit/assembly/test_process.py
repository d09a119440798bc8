"""What a long-lived process asks of the system."""

from __future__ import annotations

import resource

from knarr.assembly import process


def test_as_many_files_as_the_system_allows():
    """A login shell allows 1,024 open files: thousands of streams would end there."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        process.allow_files()
        assert (before[1], before[1]) == resource.getrlimit(resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
