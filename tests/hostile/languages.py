"""The small languages that requests carry: selectors, quantities, CEL, columns' paths, continue tokens, owners of fields.

Each maker returns a text or value that nearly is a sentence of its language, and sometimes is one.
"""

from __future__ import annotations

import base64
import json
from random import Random
from typing import Any

KEYS = ("a", "b.c/d", "app.kubernetes.io/name", "metadata.name", "", "-", "é", "x" * 64, "a b", "!", "in", "notin")
OPERATORS = ("=", "==", "!=", " in ", " notin ", ">", "<", ">=", "=~", "", " ", "=in=")
SETS = ("(a,b)", "()", "(", ")", "(a", "a)", "((a))", "(,)", "(a,,b)", "a", "1", "-1", "9" * 30, "", "'a'", "(\x00)")
DIGITS = ("0", "1", "-1", "+5", "00.10", ".5", "5.", "1e3", "1E", "1e+", "1e-400", "1e400", "9" * 19, "9" * 200, "0x1F", "١", "1_000", "1 000", "", "-", "+-1", "NaN", "inf", "1.2.3")
SUFFIXES = ("", "m", "u", "n", "k", "K", "Ki", "KI", "M", "Mi", "G", "Gi", "T", "Ti", "P", "Pi", "E", "Ei", "Zi", "mi", "e", "E3", "e-3", "B", "i", " Gi", "m\n")
ATOMS = (
    "self", "oldSelf", "self.a", "self.?a", "object", "object.spec.replicas", "oldObject", "request.name", "params", "variables.x", "namespaceObject", "authorizer", "1", "-1", "9223372036854775807", "1u", "1.5", "1e400",
    "'a'", "b'x'", "[]", "[1,2]", "{}", "{'a':1}", "[1,?2]", "{?'a':1}", "true", "null", "optional.none()", "quantity('1Gi')", "ip('::1')", "cidr('10.0.0.0/8')", "url('http://a')", "duration('1h')", "timestamp('x')", "type(1)",
    "(", "[", "{", "'", "\\", "..", "?", "\x00", "//", "0x", "1.", "&&", "in", "lists.range(1000)", "'a'.matches('(a*)*b')",
)  # fmt: skip
FORMS = (
    "!{}", "-{}", "size({})", "string({})", "has({})", "{}.a", "{}[0]", "{}.sum()", "{}.sort()", "{}.flatten()", "{}.distinct()", "base64.encode({})", "{}.find('(a+)+$')", "{}.findAll('a*a*a*b')", "{}.matches('(')", "{}.format([1])", "dyn({})",
    "{}+{}", "{}/{}", "{}%{}", "{}=={}", "{}<{}", "{} in {}", "{}&&{}", "{}||{}", "{}?1:{}", "{}.contains({})", "{}[{}]", "{}.all(x,{})", "{}.map(x,{})", "{}.filter(x,{})", "{}.transformMap(k,v,{})", "{}.sortBy(x,{})", "[{},{}]", "{{{}:{}}}", "{}.join({})",
    "{}.map(x,{}.map(y,{}))", "cel.bind(z,{},z+z)", "Object{{spec: {}}}", "[JSONPatch{{op: 'add', path: {}, value: {}}}]", "({})", "(" * 300 + "{}" + ")" * 300,
)  # fmt: skip
STEPS = (".spec", ".a", "[0]", "[*]", "[-1]", "[?(@.a=='b')]", "[?(@.", "..x", ".metadata.labels['a']", "['a\\.b']", "{", "}", "{.a}", " ", ".", "[", "]", "$", "@", "['", ".\u202e", "[99999999999]", "[0:1:0]", "[::]")
FIELD_KEYS = ("f:metadata", "f:spec", "f:data", "f:a", "f:", "v:1", 'k:{"name":"a"}', "k:{", "k:[]", 'k:{"containerPort":80,"protocol":"TCP"}', "i:0", "i:-1", "i:x", ".", "x", "", "f:\x00", "f:" + "x" * 300, 'v:{"a":1}', "v:x")


def selector(dice: Random) -> str:
    """Return a selector of labels or fields."""
    parts = [dice.choice(("", "", "!")) + dice.choice(KEYS) + dice.choice(OPERATORS) + dice.choice(SETS) for _ in range(dice.choice((1, 1, 2, 5, 200)))]
    return dice.choice((",", ", ", ",,", " && ")).join(parts)


def quantity(dice: Random) -> Any:
    """Return a quantity, or a number, or neither."""
    return dice.choice(DIGITS) + dice.choice(SUFFIXES) if dice.random() < 0.9 else dice.choice((1.5, -1, 2**63, 1e300, None, [], True))


def expression(dice: Random, depth: int = 0) -> str:
    """Return something in CEL, or nearly."""
    if depth > 3 or dice.random() < 0.3:
        return dice.choice(ATOMS)
    form = dice.choice(FORMS)
    holes = form.replace("{{", "").count("{}")
    return form.format(*(expression(dice, depth + 1) for _ in range(holes)))


def column_path(dice: Random) -> str:
    """Return the path of a column's values."""
    return "".join(dice.choice(STEPS) for _ in range(dice.choice((1, 2, 3, 60))))


def token(dice: Random) -> str:
    """Return a continue token that this server never gave, or a damaged one."""
    meant = {"v": dice.choice(("meta.k8s.io/v1", "x", 1, None)), "rv": dice.choice((0, 1, -1, 2**70, "1", None)), "start": dice.choice(("a", "../..", "\x00", "default/n1\x00", "x" * 2000, 1, None))}
    for key in [key for key in meant if dice.random() < 0.15]:
        del meant[key]
    raw = bytearray(json.dumps(meant if dice.random() < 0.9 else [meant]).encode())
    if dice.random() < 0.3:
        raw[dice.randrange(len(raw))] = dice.randrange(256)
    coded = dice.choice((base64.b64encode, base64.urlsafe_b64encode))(bytes(raw)).decode()
    return coded.rstrip("=") if dice.random() < 0.6 else coded + dice.choice(("", "=", "!", "\n"))


def owned(dice: Random, depth: int = 0) -> Any:
    """Return a set of fields as `managedFields` has them."""
    if depth > 4 or dice.random() < 0.1:
        return dice.choice(({}, {}, {}, None, 1, "x", [], {"f:a": None}))
    return {dice.choice(FIELD_KEYS): owned(dice, depth + 1) for _ in range(dice.choice((0, 1, 2, 5)))}


def managed(dice: Random) -> Any:
    """Return owners that a client claims there are."""
    def owner() -> Any:
        made = {"manager": dice.choice(("me", "kubectl", "", "x" * 200, 1)), "operation": dice.choice(("Apply", "Update", "x", "", None)), "apiVersion": dice.choice(("v1", "apps/v1", "x/y/z", "", 1)), "fieldsType": dice.choice(("FieldsV1", "FieldsV1", "x", None)),
                "fieldsV1": owned(dice), "time": dice.choice(("2026-01-01T00:00:00Z", "x", 1, None)), "subresource": dice.choice(("", "status", "scale", "x"))}  # fmt: skip
        for key in [key for key in made if dice.random() < 0.1]:
            del made[key]
        return made
    return dice.choice((None, [], [{}], [None], {}, "x")) if dice.random() < 0.2 else [owner() for _ in range(dice.choice((1, 1, 2, 40)))]
