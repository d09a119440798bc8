"""Serve the documents that describe the API: discovery and OpenAPI.

Each is made once and kept as bytes with its ETag.
"""

from __future__ import annotations

from knarr.api.http import Answer, Call


class Documents:
    """The documents of one server."""

    def answer(self, call: Call) -> Answer | None:
        """Answer if the path is a document's."""
        return None
