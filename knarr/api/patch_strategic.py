"""Apply strategic merge patches: lists of objects merge by key, directives say what cannot be merged.

`$patch: replace|delete|merge`, `$retainKeys`, `$deleteFromPrimitiveList/f`, `$setElementOrder/f`. Which lists merge,
and by which key, stands in the field table. Source: kube apimachinery/pkg/util/strategicpatch/patch.go.
"""

from __future__ import annotations

from typing import Any

import orjson

from knarr.api import schema
from knarr.api.errors import BadRequest
from knarr.api.kinds import Kind
from knarr.api.schema import Field

PATCH = "$patch"
RETAIN = "$retainKeys"
DELETE_FROM = "$deleteFromPrimitiveList/"
SET_ORDER = "$setElementOrder/"
FREE = Field("", "any")


def strategic_merge(kind: Kind, original: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Apply a strategic merge patch. Raises BadRequest."""
    return strategic_merge_into(kind, orjson.loads(orjson.dumps(original)), patch)


def strategic_merge_into(kind: Kind, original: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Do the same to an original that nobody else needs: parts of it are in the result. Raises BadRequest."""
    merged = _merge_map(original, orjson.loads(orjson.dumps(patch)), kind.definition)
    assert isinstance(merged, dict)
    return merged


def _merge_map(original: dict[str, Any], patch: dict[str, Any], kind: str) -> dict[str, Any]:
    """Merge `patch` into `original`, both of the field table's type `kind`, and return it."""
    if PATCH in patch:
        return _directed_map(original, patch, kind)
    _retain(original, patch)
    _merge_ordered(original, patch, kind)
    for key, value in patch.items():
        if key.startswith(DELETE_FROM):
            name = key.removeprefix(DELETE_FROM)
            if isinstance(original.get(name), list):
                gone = _list(value, key)
                original[name] = [item for item in original[name] if item not in gone]
        elif value is None:
            original.pop(key, None)
        elif key in original and isinstance(value, dict | list) and type(original[key]) is type(value):
            original[key] = _merge_value(original[key], value, _row(kind, key))
        else:
            original[key] = _plain(value)
    return original


def _merge_value(original: Any, patch: Any, row: Field) -> Any:
    """Merge two objects or two lists as the field's strategy says."""
    strategies = row.strategy.split(",")
    if isinstance(patch, dict):
        return _plain(patch) if "replace" in strategies else _merge_map(original, patch, row.type)
    return _merge_list(original, patch, row) if "merge" in strategies else _plain(patch)


def _row(kind: str, key: str) -> Field:
    """Return what the table says of one field. Raises BadRequest for fields that are not in it."""
    if kind.startswith("{}"):
        return Field(key, kind[2:])
    rows = schema.fields_of(kind)
    if not rows:  # free-form
        return FREE
    if key not in rows:
        name = kind.rpartition(".")[2]
        raise BadRequest(f'unable to find api field in struct {name} for the json field "{key}"')
    return rows[key]


def _directed_map(original: dict[str, Any], patch: dict[str, Any], kind: str) -> dict[str, Any]:
    directive = patch.pop(PATCH)
    if directive == "replace":
        replaced = _plain(patch)
        assert isinstance(replaced, dict)
        return replaced
    if directive == "delete":
        return {}
    if directive == "merge":
        return _merge_map(original, patch, kind)
    raise BadRequest(f"unknown patch type: {directive} in map: {go_map(patch)}")


def _retain(original: dict[str, Any], patch: dict[str, Any]) -> None:
    """Drop from `original` what `$retainKeys` does not name."""
    if RETAIN not in patch:
        return
    kept = _list(patch.pop(RETAIN), RETAIN)
    named = [key for key, value in patch.items() if value is not None and not key.startswith((DELETE_FROM, SET_ORDER))]
    if any(key not in kept for key in named):
        raise BadRequest("invalid patch format of retainKeys")
    for key in [key for key in original if key not in kept]:
        del original[key]


# Lists


def _merge_ordered(original: dict[str, Any], patch: dict[str, Any], kind: str) -> None:
    """Merge the lists whose order the patch gives, and take them out of the patch."""
    for directive in [key for key in patch if key.startswith(SET_ORDER)]:
        order = _list(patch.pop(directive), directive)
        name = directive.removeprefix(SET_ORDER)
        before, change = original.get(name), patch.pop(name, None)
        if before is None and change is None:
            continue
        row = _row(kind, name)
        before = _list(before or [], name)
        merged = _merge_list(list(before), _list(change, name), row) if change is not None else list(before)
        original[name] = _in_order(merged, order, before, row.merge_key)


def _merge_list(original: list[Any], patch: list[Any], row: Field) -> list[Any]:
    if not any(isinstance(item, dict) for item in original + patch):
        merged = original + [item for position, item in enumerate(patch)
                             if item not in original and item not in patch[:position]]
        return _in_order(merged, patch, original, "")
    if not row.merge_key:
        raise BadRequest(f"cannot merge lists without merge key for {row.item.rpartition('.')[2]}")
    plain, original = _apply_item_directives(original, patch, row.merge_key)
    merged = list(original)
    for item in plain:
        at = _find(merged, _key_of(item, row.merge_key), row.merge_key)
        if at is None:
            merged.append(_plain(item))
        else:
            merged[at] = _merge_map(merged[at], item, row.item)
    return _in_order(merged, plain, original, row.merge_key)


def _apply_item_directives(
    original: list[Any], patch: list[Any], merge_key: str,
) -> tuple[list[dict[str, Any]], list[Any]]:
    """Return the patch's items without directives, and what these left of the original."""
    plain: list[dict[str, Any]] = []
    replace = False
    for item in patch:
        if not isinstance(item, dict):
            raise BadRequest(f"unable to merge list of maps with {orjson.dumps(item).decode()}")
        directive = item.get(PATCH)
        if directive is None:
            plain.append(item)
        elif directive == "delete":
            gone = _key_of(item, merge_key)
            original = [kept for kept in original if _key(kept, merge_key) != gone]
        elif directive == "replace":
            replace = True
        else:
            raise BadRequest(f"unknown patch type: {directive} in map: {go_map(item)}")
    return plain, [] if replace else original


def _in_order(merged: list[Any], order: list[Any], before: list[Any], merge_key: str) -> list[Any]:
    """Put the patch's items into the patch's order, the others into theirs, and zip the two by the old order."""
    if [_key(item, merge_key) for item in merged] == [_key(item, merge_key) for item in order]:
        return merged  # as mostly: all are in the patch, in this order
    wanted, known = _positions(order, merge_key), _positions(before, merge_key)
    keyed = [(_mark(item, merge_key), item) for item in merged]
    ours = sorted((row for row in keyed if row[0] in wanted), key=lambda row: wanted[row[0]], reverse=True)
    theirs = sorted((row for row in keyed if row[0] not in wanted),
                    key=lambda row: known.get(row[0], len(known)), reverse=True)  # both popped from the end
    zipped: list[Any] = []
    while ours and theirs:
        left, right = theirs[-1][0], ours[-1][0]
        theirs_first = left in known and right in known and known[left] < known[right]
        zipped.append((theirs if theirs_first else ours).pop()[1])
    return zipped + [item for _, item in reversed(ours or theirs)]


def _positions(items: list[Any], merge_key: str) -> dict[bytes, int]:
    """Return each key's first place."""
    places: dict[bytes, int] = {}
    for place, item in enumerate(items):
        places.setdefault(_mark(item, merge_key), place)
    return places


def _mark(item: Any, merge_key: str) -> bytes:
    """Return a hashable stand-in for an item's key: its JSON, which tells 1 from true and "1"."""
    return orjson.dumps(_key(item, merge_key))


def _key(item: Any, merge_key: str) -> Any:
    return item.get(merge_key) if merge_key and isinstance(item, dict) else item


def _key_of(item: dict[str, Any], merge_key: str) -> Any:
    if merge_key not in item:
        raise BadRequest(f"map: {go_map(item)} does not contain declared merge key: {merge_key}")
    return item[merge_key]


def _find(items: list[Any], key: Any, merge_key: str) -> int | None:
    return next((at for at, item in enumerate(items) if _key(item, merge_key) == key), None)


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadRequest(f"{name} must be a list")
    return value


def _plain(value: Any) -> Any:
    """Return a patch's value without directives and nulls, for where there is nothing to merge with."""
    if isinstance(value, list):
        return [_plain(item) for item in value if not (isinstance(item, dict) and PATCH in item)]
    if not isinstance(value, dict):
        return value
    if value.get(PATCH) == "delete":
        return {}
    return {key: _plain(item) for key, item in value.items()
            if item is not None and key not in (PATCH, RETAIN) and not key.startswith((DELETE_FROM, SET_ORDER))}


def go_map(value: Any) -> str:
    """Print a value as Go's %v does: `map[image:noname]`."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{go_map(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(go_map, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "<nil>" if value is None else str(value)
