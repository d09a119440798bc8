"""Answer `/logs/`: the machine's own logs, as a list of links or a file. Nothing outside the folder is shown.

Source: kube kubelet/server/server.go, which serves /var/log as it is.
"""

from __future__ import annotations

import os
from html import escape
from itertools import islice
from pathlib import Path
from typing import Final
from urllib.parse import quote

from aiohttp import web

from knarr.node.server.refusal import Refusal

FOLDER: Final = Path("/var/log")
NAMES_MAX: Final = 10_000  # in one list


def answer(request: web.BaseRequest, words: list[str], folder: Path = FOLDER) -> web.StreamResponse:
    """Return a folder's list or a file. words: the path behind `/logs`. Raises Refusal."""
    root = folder.resolve()
    wanted = (root / "/".join(words)).resolve()  # links are followed first: what they lead to must lie within, too
    if not wanted.is_relative_to(root) or not (wanted.is_dir() or wanted.is_file()):
        raise Refusal(404, "404 page not found")
    if wanted.is_file():
        return web.FileResponse(wanted)
    if not request.path.endswith("/"):
        return web.Response(status=301, headers={"Location": f"{quote(request.path.rpartition('/')[2])}/"})
    return web.Response(text=listing(wanted), content_type="text/html", charset="utf-8")


def listing(folder: Path) -> str:
    """Return a folder's names as links."""
    with os.scandir(folder) as entries:
        names = sorted(entry.name + ("/" if entry.is_dir() else "") for entry in islice(entries, NAMES_MAX))
    links = "".join(f'<a href="{escape(quote(name))}">{escape(name)}</a>\n' for name in names)
    return f"<!doctype html>\n<pre>\n{links}</pre>\n"
