"""Choose how to answer: JSON or YAML, the object itself, a table of it, or only its metadata."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from knarr.api.errors import NotAcceptable, UnsupportedMedia

JSON, YAML = "application/json", "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"  # read, not written
BODY_TYPES = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
AS = frozenset({"Table", "PartialObjectMetadata", "PartialObjectMetadataList"})
META_VERSIONS = frozenset({"v1", "v1beta1"})


class NoRepresentation(NotAcceptable):
    """Nothing the client accepts can be made. Source: kube handlers/negotiation/errors.go."""

    def __init__(self) -> None:
        super().__init__(
            "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, "
            "application/vnd.kubernetes.protobuf, application/json;stream=watch, "
            "application/vnd.kubernetes.protobuf;stream=watch"
        )


@dataclass(frozen=True, slots=True)
class Form:
    """One representation. view: empty (the object as stored), "Table" or "PartialObjectMetadata"."""

    media: str = JSON
    view: str = ""
    version: str = "v1"


PLAIN = Form()


@lru_cache(maxsize=256)
def accepted(header: str, *, rows: bool = True) -> Form:
    """Choose the first thing in an Accept header that can be made, best quality first; else NoRepresentation.

    rows: whether there are columns to make a table of.
    """
    if not header:
        return PLAIN
    for media, parameters in ranked(header):
        if "stream" in parameters and parameters["stream"] != "watch":
            continue
        form = made(media, parameters)
        if form and (rows or form.view != "Table"):
            return form
    raise NoRepresentation()


def made(media: str, parameters: dict[str, str]) -> Form | None:
    """Return the form for one clause of the header, if there is one."""
    if media in (JSON, "application/*", "*/*"):
        media = JSON
    elif media not in (YAML, "application/x-yaml", "text/yaml"):
        return None
    else:
        media = YAML
    wanted = parameters.get("as", "")
    if not wanted:
        return Form(media)
    version = parameters.get("v", "v1")
    if wanted not in AS or parameters.get("g") != "meta.k8s.io" or version not in META_VERSIONS:
        return None
    return Form(media, wanted.removesuffix("List"), version)


def ranked(header: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the header's clauses, best quality first, otherwise as they stand."""
    clauses = []
    for position, text in enumerate(header.split(",")):
        media, *pairs = (part.strip() for part in text.split(";"))
        parameters = {key.strip(): value.strip() for key, _, value in (pair.partition("=") for pair in pairs)}
        clauses.append((-quality(parameters), position, media.lower(), parameters))
    for _, _, media, parameters in sorted(clauses, key=lambda clause: clause[:2]):
        yield media, parameters


def quality(parameters: dict[str, str]) -> float:
    """Return the clause's `q`, 1 where it says none or nonsense."""
    try:
        return float(parameters.get("q", "1"))
    except ValueError:
        return 1.0


def body_media(content_type: str) -> str:
    """Say what a request body is written in; an absent header means JSON; else UnsupportedMedia."""
    media = content_type.partition(";")[0].strip().lower() or JSON
    if media == JSON:
        return JSON
    if media in (YAML, "application/x-yaml", "text/yaml"):
        return YAML
    if media == PROTOBUF:
        return PROTOBUF
    raise UnsupportedMedia(
        f"the body of the request was in an unknown format - accepted media types include: {BODY_TYPES}"
    )
