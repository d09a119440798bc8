"""Ask conversion webhooks for custom objects in another version than they are stored in.

    await ready(core, kind, entries)    before stored objects are shown: `rules.show` then finds them converted
    await stored(core, kind, obj)       before an object is stored: in the version that is kept

What has been converted is remembered per version; only metadata's labels and annotations may differ afterwards.
Source: kube apiextensions pkg/apiserver/conversion/webhook_converter.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from knarr.api.errors import Internal
from knarr.api.kinds import Kind
from knarr.apiserver.conversion_metrics import CALL, INVALID, MALFORMED, PARTIAL
from knarr.apiserver.core import Core
from knarr.apiserver.outbound import CallFailed
from knarr.apiserver.webhook_places import place_of
from knarr.store.face import Entry

Obj = dict[str, Any]
TIMEOUT_S: Final = 30
BATCH_MAX: Final = 500  # objects asked for together
VERSIONS: Final = ("v1",)
FREE: Final = ("labels", "annotations")


async def ready(core: Core, kind: Kind, entries: Sequence[Entry]) -> None:
    """Let these entries be shown in a kind's version; Internal if the webhook fails."""
    rules = kind.rules
    if rules is None or rules.webhook is None:
        return
    missing = [entry.obj for entry in entries if rules.lacks(entry.obj)]
    while missing:
        for start in range(0, len(missing), BATCH_MAX):
            part = missing[start:start + BATCH_MAX]
            for obj, made in zip(part, await _ask(core, kind, part, kind.api_version), strict=True):
                rules.keep(obj, made)
        missing = [obj for obj in missing if rules.lacks(obj)] if len(missing) > 1 else []


async def stored(core: Core, kind: Kind, obj: Obj) -> Obj:
    """Return an object in the version in which its kind is stored; Internal if the webhook fails."""
    rules = kind.rules
    if rules is None or rules.webhook is None:
        return obj
    wanted = f"{kind.group}/{rules.storage_version}"
    if obj["apiVersion"] == wanted:
        return obj
    [made] = await _ask(core, kind, [obj], wanted)
    return made


async def shown(core: Core, kind: Kind, obj: Obj) -> Obj:
    """Return one object, stored or not yet, in a kind's version; Internal if the webhook fails."""
    [made] = await _ask(core, kind, [obj], kind.api_version)
    return made


class BadAnswer(CallFailed):
    """An answer that is no conversion. sort: how it fails, as metrics count it."""

    def __init__(self, sort: str, why: str) -> None:
        super().__init__(why)
        self.sort = sort


async def _ask(core: Core, kind: Kind, objects: list[Obj], wanted: str) -> list[Obj]:
    asked = f"{objects[0]['apiVersion']}, Kind={kind.kind}"
    started_s = core.clock.monotonic_s()
    try:
        made = _restored(objects, await _call(core, kind, objects, wanted), wanted)
    except CallFailed as fault:
        sort = fault.sort if isinstance(fault, BadAnswer) else CALL
        core.conversions.observe(core.clock.monotonic_s() - started_s, sort)
        raise Internal(f"conversion webhook for {asked} failed: {fault}") from fault
    core.conversions.observe(core.clock.monotonic_s() - started_s)
    return made


async def _call(core: Core, kind: Kind, objects: list[Obj], wanted: str) -> list[Any]:
    """Put one ConversionReview; CallFailed for whatever is not a proper answer."""
    assert kind.rules is not None
    webhook: Obj = kind.rules.webhook or {}
    config, uid = webhook["clientConfig"], core.uid()
    if not set(VERSIONS) & set(webhook.get("conversionReviewVersions") or ()):
        raise CallFailed("the webhook speaks no version of ConversionReview that this server speaks: v1")
    review = {"kind": "ConversionReview", "apiVersion": "apiextensions.k8s.io/v1",
              "request": {"uid": uid, "desiredAPIVersion": wanted, "objects": objects}}
    place, ca = place_of(core, config, TIMEOUT_S), config.get("caBundle") or ""
    body = await core.outbound.post(place, orjson.dumps(review), ca=ca, timeout_s=TIMEOUT_S)
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError as fault:
        raise BadAnswer(MALFORMED, f"the answer is no JSON: {fault}") from fault
    response = answer.get("response") if isinstance(answer, dict) else None
    if not isinstance(response, dict):
        raise BadAnswer(MALFORMED, "no response provided")
    if response.get("uid") != uid:
        raise BadAnswer(MALFORMED, f'expected webhook response with UID "{uid}", got "{response.get("uid", "")}"')
    result = response.get("result")
    result = result if isinstance(result, dict) else {}
    if result.get("status") != "Success":
        raise BadAnswer(MALFORMED, str(result.get("message") or "no message"))
    made = response.get("convertedObjects")
    made = made if isinstance(made, list) else []
    if len(made) != len(objects):
        raise BadAnswer(PARTIAL, f"webhook returned {len(made)} objects, expected {len(objects)}")
    return made


def _restored(objects: list[Obj], made: list[Any], wanted: str) -> list[Obj]:
    """Check what came back, and keep the metadata from harm."""
    for number, (old, new) in enumerate(zip(objects, made, strict=True)):
        if not isinstance(new, dict) or not isinstance(new.get("metadata"), dict):
            raise BadAnswer(INVALID, f"invalid converted object at index {number}: no object with metadata")
        if new.get("apiVersion") != wanted:
            raise BadAnswer(INVALID, f"invalid converted object at index {number}: invalid groupVersion: "
                            f"{new.get('apiVersion', '')}, expected {wanted}")
        if new.get("kind") != old["kind"]:
            raise BadAnswer(INVALID, f"invalid converted object at index {number}: invalid kind: {new.get('kind', '')}")
        for name in ("name", "namespace", "uid"):
            if new["metadata"].get(name) != old["metadata"].get(name):
                differ = f"{old['metadata'].get(name, '')} != {new['metadata'].get(name, '')}"
                raise BadAnswer(INVALID, f"invalid metadata of converted object at index {number}: "
                                f"must have the same {name}: {differ}")
        free = {name: new["metadata"][name] for name in FREE if new["metadata"].get(name)}
        wrong = next((name for name, found in free.items() if not _is_words(found)), "")
        if wrong:
            raise BadAnswer(INVALID, f"invalid metadata of converted object at index {number}: "
                            f"{wrong} must hold strings")
        kept = {name: value for name, value in old["metadata"].items() if name not in FREE}
        new["metadata"] = kept | free
    return made


def _is_words(found: Any) -> bool:
    return isinstance(found, dict) and all(isinstance(value, str) for value in found.values())
