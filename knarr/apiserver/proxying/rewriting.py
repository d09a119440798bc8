"""Turn the links of a proxied page into links that lead through the proxy again. Pure.

Source: kube apimachinery/pkg/util/proxy/transport.go.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

LINKS: Final = {
    "a": {"href"}, "applet": {"codebase"}, "area": {"href"}, "audio": {"src"}, "base": {"href"},
    "blockquote": {"cite"}, "body": {"background"}, "button": {"formaction"}, "command": {"icon"}, "del": {"cite"},
    "embed": {"src"}, "form": {"action"}, "frame": {"longdesc", "src"}, "head": {"profile"}, "html": {"manifest"},
    "iframe": {"longdesc", "src"}, "img": {"longdesc", "src", "usemap"}, "input": {"src", "usemap", "formaction"},
    "ins": {"cite"}, "link": {"href"}, "object": {"classid", "codebase", "data", "usemap"}, "q": {"cite"},
    "script": {"src"}, "source": {"src"}, "video": {"poster", "src"},
}  # fmt: skip
RAW: Final = ("script", "style", "textarea", "title")  # what stands in them is no markup
TAG: Final = re.compile(r"""<([a-zA-Z][^\s/>]*+)((?:[^>"']|"[^"]*+"|'[^']*+')*+)>""")
ATTRIBUTE: Final = re.compile(r"""(?<![^\s"'/])([^\s=/"'>]++)(\s*+=\s*+)("[^"]*"|'[^']*'|[^\s"'>]+)""")


@dataclass(frozen=True, slots=True)
class Links:
    """How links change. prefix: the proxy's own path. hosts: names by which the page's own server goes."""

    prefix: str
    hosts: tuple[str, ...]

    def link(self, text: str) -> str:
        """Return where a link must lead. Relative ones, those to other hosts and broken ones stay as they are."""
        try:
            parts = urlsplit(text)
        except ValueError:
            return text
        foreign = parts.netloc and parts.netloc not in self.hosts
        if foreign or not parts.path.startswith("/"):
            return text
        if parts.path.startswith(self.prefix):
            return urlunsplit(("", "", *parts[2:]))
        path = posixpath.normpath(f"{self.prefix}/{parts.path}")
        slash = "/" if parts.path.endswith("/") else ""
        return urlunsplit(("", "", path + slash, parts.query, parts.fragment))

    def page(self, text: str) -> str:
        """Return an HTML page with its links changed; everything else stays to the letter. Linear in its length."""
        done: list[str] = []
        at = 0
        while (start := text.find("<", at)) >= 0:
            done.append(text[at:start])
            end, piece = self._piece(text, start)
            if end < 0:
                return "".join([*done, text[start:]])
            done.append(piece)
            at = end
        return "".join([*done, text[at:]])

    def _piece(self, text: str, start: int) -> tuple[int, str]:
        """Return where the markup at `start` ends, and what it becomes; -1 if it never ends."""
        if text.startswith("<!--", start):
            end = text.find("-->", start)
            return (end + 3, text[start : end + 3]) if end >= 0 else (-1, "")
        found = TAG.match(text, start)
        if found is None:
            is_tag = start + 1 < len(text) and text[start + 1].isascii() and text[start + 1].isalpha()
            return (-1, "") if is_tag else (start + 1, "<")
        name = found[1].lower()
        tag = f"<{found[1]}{self._attributes(found[2], LINKS.get(name))}>"
        if name not in RAW:
            return found.end(), tag
        close = re.compile(rf"</{name}", re.IGNORECASE).search(text, found.end())
        return (close.start(), tag + text[found.end() : close.start()]) if close else (-1, "")

    def _attributes(self, text: str, names: set[str] | None) -> str:
        if names is None:
            return text

        def change(found: re.Match[str]) -> str:
            if found[1].lower() not in names:
                return found[0]
            value = found[3]
            quote = value[0] if value[0] in "\"'" else ""
            return f"{found[1]}{found[2]}{quote}{self.link(value.strip(quote) if quote else value)}{quote}"

        return ATTRIBUTE.sub(change, text)
