"""Make up one hostile request for each number: which door it knocks at, and with what. The same number, the same request."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from knarr.api.http import Call, User
from knarr.api.kinds import KINDS, Kind
from tests.hostile import languages, objects
from tests.hostile.objects import NAMES, TEXTS
from tests.wire.certificates import make_pki

ADMIN = User("admin", groups=("system:masters", "system:authenticated"))
JANE = User("jane", groups=("system:authenticated",))
NODE = User("system:node:n1", groups=("system:nodes", "system:authenticated"))
JSON, YAML, PROTOBUF = "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"
PATCHES = ("application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json", "application/apply-patch+yaml")
METHODS = ("GET", "GET", "POST", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "FOO", "get", "")
ACCEPTS = ("*/*", JSON, YAML, "text/html", "", "application/json;as=Table;g=meta.k8s.io;v=v1", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
           "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", "application/json;as=Table;v=v9", "a/b;q=x,,;", ";;;", "application/json;q=0", PROTOBUF, "x" * 4000)  # fmt: skip
QUERY: dict[str, tuple[str, ...]] = {
    "limit": ("0", "1", "-1", "x", "9" * 40, "1.5", "٣"), "continue": ("x", "", "e30=", "bnVsbA", "eyJ2IjoibWV0YSJ9"), "watch": ("1", "true", "x", ""),
    "resourceVersion": ("0", "1", "-1", "x", "9" * 30, "99999999", ""), "resourceVersionMatch": ("Exact", "NotOlderThan", "x", ""), "timeoutSeconds": ("0", "1", "-1", "x", "9" * 30),
    "labelSelector": ("a=b", "a in (b,c)", "!a", "a>1", "a in", "(((", ",", "a==", "é=é", "a notin ()", "x" * 400, "a=b,"), "fieldSelector": ("metadata.name=a", "spec.nodeName=", "x=y", "=", "a!=b,,", "\\", "metadata.name=a,metadata.name=b"),
    "dryRun": ("All", "x", "", "All,All"), "fieldManager": ("me", "", "x" * 200, "\x01"), "fieldValidation": ("Strict", "Warn", "Ignore", "x"), "force": ("true", "x", ""), "pretty": ("true", "x"),
    "gracePeriodSeconds": ("0", "-1", "x", "9" * 30), "propagationPolicy": ("Foreground", "Orphan", "x"), "orphanDependents": ("true", "x"), "sendInitialEvents": ("true", "x"), "allowWatchBookmarks": ("true", "x"),
    "includeObject": ("None", "Metadata", "Object", "x"), "tailLines": ("-1", "x"), "sinceSeconds": ("-1", "x"), "sinceTime": ("x",), "limitBytes": ("-1", "0", "x"), "container": ("x", ""), "follow": ("x",), "command": ("sh",), "stdin": ("x",), "ports": ("x", "99999"),
    "verbose": ("",), "exclude": ("x",),
}  # fmt: skip
PATHS = ("/", "/api", "/apis", "/api/v1", "/api/v1/", "/apis/apps", "/apis/apps/v1", "/openapi/v2", "/openapi/v3", "/openapi/v3/api/v1", "/version", "/livez", "/readyz/x", "/healthz/ping", "/metrics", "/api/v1/watch/pods",
         "/api/v1/namespaces/default/pods/a/log", "/api/v1/namespaces/default/pods/a/exec", "/api/v1/namespaces/default/pods/a/proxy/x", "/api/v1/nodes/n1/proxy/", "/api/v1/namespaces/default/services/a:x/proxy", "/.well-known/openid-configuration",
         "/openid/v1/jwks", "//", "/api//v1", "/api/v1/../v1", "/api/v1/pods/%00", "/apis/%F0%9F%A6%80/v1/x", "", "x", "/api/v1/namespaces//pods", "/apis/a/b/c/d/e/f/g/h", "/ui/", "/proxy/", "/api/v1/componentstatuses")  # fmt: skip
SUBRESOURCES = ("status", "scale", "eviction", "binding", "token", "log", "exec", "attach", "portforward", "proxy", "finalize", "approval", "ephemeralcontainers", "resize", "x", "")


def request(seed: int, number: int) -> Call:
    """Return request number so and so."""
    dice = Random(f"{seed}/{number}")
    door = dice.choices(DOORS, WEIGHTS)[0]
    call = door(dice)
    if dice.random() < 0.1:
        call.headers = {**call.headers, "accept": dice.choice(ACCEPTS)}
    if dice.random() < 0.02:
        call.headers = {**call.headers, dice.choice(("impersonate-user", "impersonate-group", "impersonate-uid", "impersonate-extra-%zz", "audit-id", "user-agent")): dice.choice(TEXTS)}
    return call


def path_door(dice: Random) -> Call:
    """Paths that lead nowhere, or nearly."""
    path = dice.choice(PATHS)
    if dice.random() < 0.5:
        parts = [dice.choice((*NAMES, "api", "apis", "v1", "apps", "pods", "namespaces", "watch", *TEXTS)) for _ in range(dice.randrange(1, 8))]
        path = "/" + "/".join(parts)
    return Call(dice.choice(METHODS), unquote(path, errors="replace"), query(dice), {"content-type": JSON}, body=b"{}" if dice.random() < 0.3 else b"", user=who(dice))


def read_door(dice: Random) -> Call:
    """Lists, reads and watches with strange wishes."""
    kind = dice.choice(KINDS)
    return Call(dice.choice(("GET", "GET", "HEAD", "DELETE")), path_of(dice, kind), query(dice, 3), {}, user=who(dice))


def create_door(dice: Random) -> Call:
    """Objects that nearly are what they say."""
    kind = dice.choice(KINDS)
    path, asked = path_of(dice, kind, named=0.05), query(dice)
    if kind.group == "admissionregistration.k8s.io":
        asked["dryRun"] = "All"  # else its webhooks, which nobody answers, would shut all doors behind it
    return Call("POST", path, asked, {"content-type": media(dice)}, body=body(dice, objects.make(dice, kind)), user=who(dice))


def update_door(dice: Random) -> Call:
    """Objects written over others, or over nothing."""
    kind = dice.choice(KINDS)
    return Call("PUT", path_of(dice, kind, named=0.95), query(dice), {"content-type": media(dice)}, body=body(dice, objects.make(dice, kind)), user=who(dice))


def patch_door(dice: Random) -> Call:
    """Patches in all four languages, at existing objects and others."""
    kind, media_type = dice.choice(COMMON if dice.random() < 0.7 else KINDS), dice.choice(PATCHES)
    sent: Any = objects.make(dice, kind)
    if media_type == PATCHES[0]:
        sent = [operation(dice) for _ in range(dice.randrange(0, 4))]
    elif media_type == PATCHES[2]:
        directives(dice, sent)
    if dice.random() < 0.1:
        sent = objects.poisonous(dice)
    asked = query(dice) | ({"fieldManager": "me"} if dice.random() < 0.7 else {})
    return Call("PATCH", path_of(dice, kind, named=0.97), asked, {"content-type": media_type}, body=body(dice, sent), user=who(dice))


def bytes_door(dice: Random) -> Call:
    """Bodies that are no objects at all."""
    kind = dice.choice(COMMON)
    raw = dice.choice(RAW)(dice)
    return Call(dice.choice(("POST", "PUT", "PATCH", "DELETE")), path_of(dice, kind, named=0.4), query(dice), {"content-type": dice.choice((JSON, YAML, PROTOBUF, *PATCHES, "text/plain", ""))}, body=raw, user=who(dice))


def definition_door(dice: Random) -> Call:
    """Definitions of kinds with broken schemas, rules and columns."""
    group, plural = f"g{dice.randrange(3)}.example.com", f"things{dice.randrange(3)}"
    version = {"name": dice.choice(("v1", "v1", "v1", "V", "")), "served": dice.random() < 0.9, "storage": True, "schema": {"openAPIV3Schema": json_schema(dice, 0)}}
    spec: dict[str, Any] = {"group": group, "scope": dice.choice(("Namespaced", "Cluster", "x")), "names": {"plural": plural, "singular": "thing", "kind": "Thing", "listKind": "ThingList"}, "versions": [version]}
    if dice.random() < 0.3:
        version["subresources"] = {"status": {}, "scale": {"specReplicasPath": dice.choice((".spec.n", "x", "")), "statusReplicasPath": ".status.n"}}
    if dice.random() < 0.3:
        version["additionalPrinterColumns"] = [{"name": "A", "type": dice.choice(("string", "date", "x")), "jsonPath": dice.choice(TEXTS)}]
    obj = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"{plural}.{group}"}, "spec": spec}
    if dice.random() < 0.4:
        objects.poison(dice, obj)
    root = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    if dice.random() < 0.2:
        return Call("DELETE", f"{root}/{plural}.{group}", user=ADMIN)
    return Call("POST", root, {"dryRun": "All"} if dice.random() < 0.5 else {}, {"content-type": JSON}, body=body(dice, obj), user=ADMIN)


def custom_door(dice: Random) -> Call:
    """Objects of whatever kinds the definitions above may have made."""
    path = f"/apis/g{dice.randrange(3)}.example.com/v1/namespaces/default/things{dice.randrange(3)}"
    if dice.random() < 0.5:
        path += f"/n{dice.randrange(4)}" + dice.choice(("", "", "/status", "/scale"))
    obj: Any = {"apiVersion": f"g{dice.randrange(3)}.example.com/v1", "kind": "Thing", "metadata": {"name": f"n{dice.randrange(4)}"}, "spec": {dice.choice("abn"): deepcopy(dice.choice(objects.POISONS + TEXTS))}}
    if dice.random() < 0.3:
        objects.poison(dice, obj)
    return Call(dice.choice(("GET", "POST", "PUT", "PATCH", "DELETE")), path, query(dice), {"content-type": dice.choice((JSON, *PATCHES))}, body=body(dice, obj), user=ADMIN)


def list_door(dice: Random) -> Call:
    """Lists and watches by selectors and continue tokens that nobody was given."""
    kind, asked = dice.choice(COMMON), query(dice, 3)
    for key, maker, chance in (("labelSelector", languages.selector, 0.6), ("fieldSelector", languages.selector, 0.4), ("continue", languages.token, 0.4)):
        if dice.random() < chance:
            asked[key] = maker(dice)
    return Call(dice.choice(("GET", "GET", "GET", "DELETE")), path_of(dice, kind, named=0), asked, user=who(dice))


def quantity_door(dice: Random) -> Call:
    """Amounts of everything, in pods, quotas, limits and claims."""
    made = {dice.choice(("cpu", "memory", "pods", "storage", "example.com/gpu", "requests.cpu", "hugepages-2Mi", "x", "")): languages.quantity(dice) for _ in range(dice.choice((1, 2, 3)))}
    name, sort = f"n{dice.randrange(50)}", dice.choice(("pods", "resourcequotas", "limitranges", "persistentvolumeclaims"))
    spec: dict[str, Any] = {
        "pods": {"containers": [{"name": "c", "image": "i", "resources": {dice.choice(("requests", "limits")): made}}], "overhead": made if dice.random() < 0.1 else None},
        "resourcequotas": {"hard": made, "scopes": dice.choice(([], ["BestEffort"], ["x"], None))},
        "limitranges": {"limits": [{"type": dice.choice(("Container", "Pod", "PersistentVolumeClaim", "x")), dice.choice(("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")): made}]},
        "persistentvolumeclaims": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": made}},
    }[sort]
    asked = {"dryRun": "All"} if sort in ("resourcequotas", "limitranges") else {}  # else nothing gets past them any more
    return Call("POST", f"/api/v1/namespaces/default/{sort}", asked, {"content-type": JSON}, body=body(dice, {"metadata": {"name": name}, "spec": spec}), user=ADMIN)


def policy_door(dice: Random) -> Call:
    """Policies of admission and rules of definitions, in something like CEL; and reviews that ask as somebody."""
    said = [languages.expression(dice) for _ in range(3)]
    if dice.random() < 0.5:
        return ruled(dice, said)
    mutating = dice.random() < 0.3
    kind = "MutatingAdmissionPolicy" if mutating else "ValidatingAdmissionPolicy"
    spec: dict[str, Any] = {"matchConstraints": {"resourceRules": [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}]}, "failurePolicy": dice.choice(("Fail", "Ignore", "x")),
                            "variables": [{"name": dice.choice(("x", "", "1", "if")), "expression": said[0]}], "matchConditions": [{"name": "m", "expression": said[2]}]}  # fmt: skip
    if mutating:
        sort = dice.choice(("ApplyConfiguration", "JSONPatch", "x"))
        spec |= {"reinvocationPolicy": "Never", "mutations": [{"patchType": sort, sort[:1].lower() + sort[1:]: {"expression": said[1]}}]}
    else:
        spec["validations"] = [{"expression": said[1], "messageExpression": said[2]}]
    root = "/apis/admissionregistration.k8s.io/v1/" + ("mutatingadmissionpolicies" if mutating else "validatingadmissionpolicies")
    obj = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": "p"}, "spec": spec}
    return Call("POST", root, {"dryRun": "All"}, {"content-type": JSON}, body=body(dice, obj), user=ADMIN)


def ruled(dice: Random, said: list[str]) -> Call:
    """Define a kind with rules and columns, and do not keep it."""
    rules = [{"rule": said[0], "messageExpression": said[1]}]
    inner = {"type": dice.choice(("string", "integer", "object", "array")), "x-kubernetes-validations": rules, "maxLength": dice.choice((5, 100, None))}
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"a": inner, "b": {"type": "string"}}, "x-kubernetes-validations": [{"rule": said[2]}]}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}, "selectableFields": [{"jsonPath": languages.column_path(dice)}],
               "additionalPrinterColumns": [{"name": "A", "type": dice.choice(("string", "date", "integer", "x")), "jsonPath": languages.column_path(dice)}]}  # fmt: skip
    names = {"plural": "ruled", "singular": "ruled", "kind": "Ruled", "listKind": "RuledList"}
    obj = {"metadata": {"name": "ruled.example.com"}, "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}}
    return Call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {"dryRun": "All"}, {"content-type": JSON}, body=body(dice, obj), user=ADMIN)


def apply_door(dice: Random) -> Call:
    """Applies of objects whose owners are made up, and updates that claim owners."""
    kind = dice.choice(COMMON)
    sent = objects.make(dice, kind)
    if dice.random() < 0.7 and isinstance(sent.get("metadata"), dict):
        sent["metadata"]["managedFields"] = languages.managed(dice)
    asked = {"fieldManager": dice.choice(("me", "you", "x" * 129, ""))} | ({"force": dice.choice(("true", "false", "x"))} if dice.random() < 0.6 else {})
    path = path_of(dice, kind, named=1)
    if dice.random() < 0.6:
        return Call("PATCH", path, asked, {"content-type": PATCHES[3]}, body=body(dice, sent), user=who(dice))
    return Call(dice.choice(("PUT", "PATCH")), path, asked, {"content-type": dice.choice((JSON, PATCHES[1], PATCHES[2]))}, body=body(dice, sent), user=who(dice))


def identity_door(dice: Random) -> Call:
    """Callers who say that they are others: by headers, tokens and names."""
    headers = {name: dice.choice((*TEXTS, *IDENTITIES)) for name in dice.sample(IDENTITY_HEADERS, dice.choice((1, 1, 2, 4)))}
    path = path_of(dice, dice.choice(COMMON)) if dice.random() < 0.8 else dice.choice(PATHS)
    call = Call(dice.choice(("GET", "POST", "DELETE")), path, query(dice), headers, peer_certificate=certificate() if dice.random() < 0.8 else dice.choice((None, b"", b"x", b"0\x82")))
    call.body = b"{}" if call.method == "POST" else b""
    return call


@cache
def certificate() -> bytes:
    """Return the certificate of an administrator, as the TLS layer hands it on."""
    with TemporaryDirectory() as folder:
        pem = Path(make_pki(Path(folder)).files("admin")[0]).read_bytes()
    return x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)


IDENTITY_HEADERS = ("impersonate-user", "impersonate-group", "impersonate-uid", "impersonate-extra-a", "impersonate-extra-%zz", "impersonate-extra-", "impersonate-x", "authorization", "x-remote-user", "x-remote-group", "sec-websocket-protocol", "x-forwarded-for", "cookie")
IDENTITIES = ("jane", "system:node:n1", "system:node:", "system:serviceaccount:default:default", "system:serviceaccount:", "system:serviceaccount:a:b:c", "system:masters", "system:anonymous", "Bearer x", "Bearer ", "Bearer a.b.c", "Basic YTpi",
              "Bearer eyJhbGciOiJub25lIn0.e30.", "Bearer " + "A" * 9000, "bearer 07401b.f395accd246ae52d", "base64url.bearer.authorization.k8s.io.eA, x")  # fmt: skip


def path_of(dice: Random, kind: Kind, named: float = 0.5) -> str:
    """Return a path of a kind's collection, object or subresource."""
    name = (f"n{dice.choice((1, 1, dice.randrange(50)))}" if dice.random() < 0.8 else dice.choice(NAMES)) if dice.random() < named else ""
    namespace = "" if not kind.namespaced or dice.random() < 0.05 else dice.choice(("default", "default", "default", "absent", *NAMES[4:6]))
    own = [one.name for one in kind.subresources]
    sub = dice.choice(own if own and dice.random() < 0.9 else SUBRESOURCES) if name and dice.random() < 0.25 else ""
    return kind.path(namespace, name, sub)


def query(dice: Random, most: int = 2) -> dict[str, str]:
    """Return some parameters, mostly none."""
    keys = dice.sample(sorted(QUERY), dice.choice((0, 0, 0, 0, 1, most)))
    return {key: dice.choice(QUERY[key]) for key in keys}


def who(dice: Random) -> User:
    """Return who asks: mostly one who may."""
    return dice.choices((ADMIN, JANE, NODE), (18, 1, 1))[0]


def media(dice: Random) -> str:
    """Return a content type, mostly JSON."""
    return JSON if dice.random() < 0.95 else dice.choice((YAML, PROTOBUF, "", "application/json; charset=x", "text/plain", *PATCHES))


def body(dice: Random, obj: Any) -> bytes:
    """Encode, and sometimes damage a byte or two."""
    raw = json.dumps(obj).encode()
    if dice.random() < 0.08:
        cut = bytearray(raw)
        for _ in range(dice.randrange(1, 4)):
            cut[dice.randrange(len(cut))] = dice.randrange(256)
        raw = bytes(cut[: dice.randrange(1, len(cut) + 1)])
    return raw


def operation(dice: Random) -> Any:
    """Return a step of a JSON patch, or what is none."""
    pointer = dice.choice(("", "/", "/metadata", "/metadata/labels/a~1b", "/metadata/name", "/spec", "/spec/containers/0", "/spec/containers/-", "/spec/replicas", "/data/a", "x", "/~2", "/metadata/finalizers/-1", "/a/b/c", "/spec/template/spec/containers/99999999999"))
    made: dict[str, Any] = {"op": dice.choice(("add", "remove", "replace", "move", "copy", "test", "x", None, 1)), "path": pointer, "from": dice.choice(("/metadata", "/spec", "", "x", None))}
    if dice.random() < 0.8:
        made["value"] = deepcopy(dice.choice(objects.POISONS + TEXTS))
    return made if dice.random() < 0.95 else objects.poisonous(dice)


def directives(dice: Random, sent: Any) -> None:
    """Put directives of a strategic merge patch where they may or may not belong."""
    for _ in range(dice.randrange(3)):
        spot = sent.get(dice.choice(("metadata", "spec", "data", "status"))) if isinstance(sent, dict) else None
        if isinstance(spot, dict):
            spot[dice.choice(("$patch", "$retainKeys", "$setElementOrder/containers", "$deleteFromPrimitiveList/finalizers", "$setElementOrder/finalizers"))] = dice.choice(("delete", "merge", "replace", "x", ["a"], [{"name": "a"}], [None], {}, None, 1))


def json_schema(dice: Random, depth: int) -> Any:
    """Return a schema that nearly is structural."""
    if dice.random() < 0.06:
        return objects.poisonous(dice)
    made: dict[str, Any] = {"type": dice.choice(("object", "object", "string", "integer", "array", "number", "boolean", "x", ""))}
    if depth == 0:
        made["type"] = "object"
    if made["type"] == "object" and depth < 4:
        made["properties"] = {key: json_schema(dice, depth + 1) for key in dice.sample(("spec", "status", "a", "b", "n", "metadata"), dice.randrange(0, 4))}
    if made["type"] == "array" and depth < 4:
        made["items"] = json_schema(dice, depth + 1)
    for key, values in SCHEMA_WORDS.items():
        if dice.random() < 0.06:
            made[key] = dice.choice(values)
    return made


SCHEMA_WORDS: dict[str, tuple[Any, ...]] = {
    "pattern": ("(a+)+$", "[", "^a$", "(?<x>a)", "\\p{L}", 1), "default": (1, "a", {}, [], None, {"a": 1}), "enum": ([], ["a", "a"], [1, None], "x"), "minimum": (1, -1, "x"), "maxLength": (-1, 5, 2**70), "nullable": (True, "x"),
    "x-kubernetes-validations": ([{"rule": "self == oldSelf"}], [{"rule": "self.a.b.c > 1"}], [{"rule": "((((", "message": "m"}], [{"rule": "self.all(x, self.all(y, x == y))"}], [{"rule": ""}], [{}], "x", [{"rule": "1/0 == 1"}], [{"rule": "size(self) < 5", "messageExpression": "1"}]),
    "x-kubernetes-list-type": ("map", "set", "atomic", "x"), "x-kubernetes-list-map-keys": (["a"], [], ["absent"]), "x-kubernetes-preserve-unknown-fields": (True, False, "x"), "x-kubernetes-int-or-string": (True,), "x-kubernetes-embedded-resource": (True,),
    "allOf": ([{"required": ["a"]}], [{"type": "string"}], "x"), "oneOf": ([{}],), "not": ({"type": "object"}, {}), "additionalProperties": (True, False, {"type": "string"}, "x"), "required": (["a"], [1], "a"), "format": ("date-time", "int32", "x", "byte"), "$ref": ("#/x",),
    "multipleOf": (0, 0.1), "uniqueItems": (True,), "maxItems": (1, -1), "minProperties": (1,), "title": (1,),
}  # fmt: skip


def nested(dice: Random) -> bytes:
    depth = dice.choice((50, 500, 5000, 100_000))
    return dice.choice((b"[" * depth, b'{"a":' * depth, b"[" * depth + b"]" * depth, b"{a: " * depth, b"- " * depth))


RAW: tuple[Callable[[Random], bytes], ...] = (
    nested,
    lambda dice: dice.randbytes(dice.randrange(200)),
    lambda dice: b"k8s\x00" + dice.randbytes(dice.randrange(200)),
    lambda dice: b"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e]",
    lambda dice: dice.choice((b"", b"null", b"1", b'"x"', b"[]", b"{}", b"NaN", b"1e999", b'{"a":1}{"b":2}', b'{"a":1,"a":2}', b"\xef\xbb\xbf{}", b"{}\x00", b"---\n---\n", b"!!python/object:os.system x", b"<<: *x", b"a: b: c", b"\xff\xfe", b'{"metadata":{"name":"\\ud800"}}')),
    lambda dice: b'{"metadata":{"name":"a","labels":{' + b",".join(b'"k%d":"v"' % n for n in range(dice.choice((10, 3000)))) + b"}}}",
    lambda dice: base64.b64encode(dice.randbytes(60)),
)
COMMON = tuple(kind for kind in KINDS if kind.plural in ("pods", "configmaps", "services", "deployments", "statefulsets", "jobs", "secrets", "namespaces", "nodes", "roles", "ingresses", "horizontalpodautoscalers", "persistentvolumeclaims"))
DOORS = (path_door, read_door, create_door, update_door, patch_door, bytes_door, definition_door, custom_door, list_door, quantity_door, policy_door, apply_door, identity_door)
WEIGHTS = (4, 8, 26, 10, 14, 5, 3, 4, 6, 4, 6, 7, 3)
