"""Print nested values as an indented outline, without what everybody has. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

TITLE_WIDTH = 13  # columns: `Annotations:` and a space
TITLE_WIDTH_MAX = 34
SHORT_LIST_CHARS = 80
LABELS = frozenset({"labels", "matchLabels", "annotations", "nodeSelector", "selector"})
CHOSEN_BY_USERS = (LABELS - {"selector"}) | {
    "data",
    "stringData",
    "binaryData",
    "capacity",
    "allocatable",
    "requests",
    "limits",
    "hard",
}
MACHINES_ONLY = frozenset({
    "containerID", "imageID", "observedGeneration", "terminationMessagePath", "terminationMessagePolicy",
    "enableServiceLinks", "preemptionPolicy", "serviceAccount", "podIPs", "hostIPs", "clusterIPs", "recursiveReadOnly",
})  # fmt: skip
USUAL = {  # field → the value everybody has
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "restartPolicy": "Always",
    "priority": 0,
    "revisionHistoryLimit": 10,
    "progressDeadlineSeconds": 600,
    "sessionAffinity": "None",
    "internalTrafficPolicy": "Cluster",
    "ipFamilyPolicy": "SingleStack",
    "terminatingReplicas": 0,
}
USUAL_TOLERATIONS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def without_noise(value: Any) -> Any:
    """Return a copy without empty values, what only machines read, and defaults that everybody has."""
    if isinstance(value, dict):
        kept = {key: without_noise(inner) for key, inner in value.items() if not _is_noise(key, inner)}
        return {key: inner for key, inner in kept.items() if inner not in ({}, [], None, "")}
    if isinstance(value, list):
        return [without_noise(item) for item in value if not _is_usual_item(item)]
    return value


def _is_noise(key: str, value: Any) -> bool:
    return key in MACHINES_ONLY or (key in USUAL and USUAL[key] == value)


def _is_usual_item(item: Any) -> bool:
    if not isinstance(item, dict):
        return False
    token = str(item.get("name", "")).startswith("kube-api-access-")
    return token or (item.get("key") in USUAL_TOLERATIONS and item.get("effect") == "NoExecute")


def outline(value: Any, depth: int = 0, *, verbatim: bool = False) -> Iterator[str]:
    """Yield nested maps and lists as indented lines. Field names become words.

    verbatim: the keys were chosen by users, like a ConfigMap's, and stay as they are.
    """
    pad = "  " * depth
    if isinstance(value, list):
        yield from _items(value, depth)
        return
    rows = [(key if verbatim else words(key), _short(key, inner), key, inner) for key, inner in value.items()]
    width = max([TITLE_WIDTH, *(len(title) + 1 for title, short, *_ in rows if short is not None)])
    for title, short, key, inner in rows:
        if short is None:
            yield f"{pad}{title}:"
            yield from outline(inner, depth + 1, verbatim=key in CHOSEN_BY_USERS)
        elif "\n" in short:
            yield f"{pad}{title}: |"
            yield from (f"{pad}  {line}".rstrip() for line in short.split("\n"))
        else:
            yield pad + field(f"{title}:", short, min(width, TITLE_WIDTH_MAX))


def _items(items: list[Any], depth: int) -> Iterator[str]:
    pad = "  " * depth
    for item in items:
        lines = list(outline(item, depth + 1)) if isinstance(item, dict | list) else [f"{pad}  {item}"]
        if lines:
            yield f"{pad}- {lines[0].strip()}"
        yield from lines[1:]


def _short(key: str, value: Any) -> str | None:
    """Return a value that fits on its title's line: a scalar, a list of a few, labels; None for the rest."""
    if key in LABELS and isinstance(value, dict) and not any(isinstance(one, dict | list) for one in value.values()):
        return ", ".join(f"{name}={one}" for name, one in value.items()) or "<none>"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and not any(isinstance(item, dict | list) or "\n" in str(item) for item in value):
        text = ", ".join(str(item) or '""' for item in value)
        return text if len(text) <= SHORT_LIST_CHARS else None
    if isinstance(value, dict | list):
        return None if value else "<none>"
    return "<none>" if value in (None, "") else str(value).rstrip("\n")


def words(key: str) -> str:
    """Return a field's name as words; a key that is no field name, like a label's, stays as it is.

    >>> words("imagePullPolicy"), words("podCIDRs"), words("app.kubernetes.io/name"), words("PORT")
    ('Image pull policy', 'Pod CIDRs', 'app.kubernetes.io/name', 'PORT')
    """
    if not re.fullmatch(r"[a-z][a-zA-Z0-9 ]*", key):
        return key
    parts = re.findall(r"[A-Z]+s?(?![a-z])|[A-Z]?[a-z0-9 ]+", key)
    text = " ".join(part if part[:2].isupper() else part.lower() for part in parts)
    return text[:1].upper() + text[1:]


def field(title: str, value: Any, width: int = TITLE_WIDTH) -> str:
    """Return a title and its value; width: columns for the title."""
    return f"{title:<{width}} {value}".rstrip()
