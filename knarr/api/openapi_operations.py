"""List every operation of the API: path, method, parameters, what goes in and out. Made from the registry of kinds.

Source: kube apiserver endpoints/installer.go (names, actions), as recorded from a 1.36 server.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from knarr.api import discovery, patch
from knarr.api.kinds import KINDS, Kind, Subresource

LIST_PARAMS = (
    "allowWatchBookmarks", "continue", "fieldSelector", "labelSelector", "limit", "resourceVersion",
    "resourceVersionMatch", "sendInitialEvents", "timeoutSeconds", "watch",
)
WRITE_PARAMS = ("dryRun", "fieldManager", "fieldValidation")
DELETE_PARAMS = ("dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy")
COLLECTION_DELETE_PARAMS = (
    "continue", "dryRun", "fieldSelector", "gracePeriodSeconds", "labelSelector", "limit", "orphanDependents",
    "propagationPolicy", "resourceVersion", "resourceVersionMatch", "sendInitialEvents", "timeoutSeconds",
)
CONNECT_PARAMS = {
    "attach": ("container", "stderr", "stdin", "stdout", "tty"),
    "exec": ("command", "container", "stderr", "stdin", "stdout", "tty"),
    "portforward": ("ports",), "proxy": ("path",),
}
LOG_PARAMS = (
    "container", "follow", "insecureSkipTLSVerifyBackend", "limitBytes", "pretty", "previous", "sinceSeconds",
    "stream", "tailLines", "timestamps",
)
BOOLEANS = {
    "allowWatchBookmarks", "sendInitialEvents", "watch", "force", "orphanDependents", "follow", "previous",
    "timestamps", "stdin", "stdout", "stderr", "tty", "insecureSkipTLSVerifyBackend",
}
INTEGERS = {"limit", "timeoutSeconds", "gracePeriodSeconds", "sinceSeconds", "limitBytes", "tailLines", "ports"}
PATCH_MEDIA = (patch.APPLY, patch.JSON, patch.MERGE, patch.STRATEGIC)
MEDIA = ("application/json", "application/yaml")
LIST_MEDIA = ("application/json", "application/json;stream=watch", "application/yaml")
ANY = ("*/*",)
ISSUER = (
    (".well-known/openid-configuration", "getServiceAccountIssuerOpenIDConfiguration", MEDIA[0]),
    ("openid/v1/jwks", "getServiceAccountIssuerOpenIDKeyset", "application/jwk-set+json"),
)
VERB_WORDS = {"get": "read", "update": "replace", "patch": "patch", "create": "create", "delete": "delete"}
METHODS = {"get": "get", "update": "put", "patch": "patch", "create": "post", "delete": "delete"}
STATUS = "meta_v1.Status"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    document: the OpenAPI v3 document it stands in, `apis/apps/v1`. body, result: names in the field table, empty for
    none. consumes, produces: media types.
    """

    document: str
    path: str
    method: str
    id: str
    action: str = ""
    kind: tuple[str, str, str] | None = None
    params: tuple[str, ...] = ()
    body: str = ""
    result: str = ""
    consumes: tuple[str, ...] = ()
    produces: tuple[str, ...] = MEDIA
    codes: tuple[int, ...] = (200,)


def operations() -> Iterator[Operation]:
    """Return all operations, kind by kind, after those of the groups themselves."""
    yield from _overviews()
    for kind in KINDS:
        yield from of_kind(kind)
        if "watch" in kind.verbs:
            yield from _watches(kind)


def _overviews() -> Iterator[Operation]:
    for path, name, media in ISSUER:
        yield Operation(path, f"/{path}/", "get", name, result="string", produces=(media,))
    yield Operation("version", "/version/", "get", "getCodeVersion", result="version.Info", produces=MEDIA[:1])
    yield Operation("api", "/api/", "get", "getCoreAPIVersions", result="meta_v1.APIVersions")
    yield Operation("apis", "/apis/", "get", "getAPIVersions", result="meta_v1.APIGroupList")
    for group in discovery.groups():
        if group:
            yield Operation(f"apis/{group}", f"/apis/{group}/", "get", f"get{_camel(group)}APIGroup",
                            result="meta_v1.APIGroup")
        for version in discovery.versions(group):
            document = f"apis/{group}/{version}" if group else f"api/{version}"
            words = (_camel(group) or "Core") + version.capitalize()
            yield Operation(document, f"/{document}/", "get", f"get{words}APIResources",
                            result="meta_v1.APIResourceList")


def of_kind(kind: Kind) -> Iterator[Operation]:
    """Return the operations of one kind."""
    space = "{namespace}" if kind.namespaced else ""
    collection, item = kind.path(space), kind.path(space, "{name}")
    every = kind.kind if not kind.namespaced else f"Namespaced{kind.kind}"
    scope = ("namespace",) if kind.namespaced else ()
    if "list" in kind.verbs:
        yield _operation(kind, collection, "get", _id(kind, "list", every), action="list", params=LIST_PARAMS + scope)
    if "list" in kind.verbs and kind.namespaced:
        name = _id(kind, "list", f"{kind.kind}ForAllNamespaces")
        yield _operation(kind, kind.path(), "get", name, action="list", params=LIST_PARAMS)
    if "create" in kind.verbs:
        yield _operation(kind, collection, "post", _id(kind, "create", every), action="post",
                         params=WRITE_PARAMS + scope)
    if "deletecollection" in kind.verbs:
        name = _id(kind, "delete", f"Collection{every}")
        yield _operation(kind, collection, "delete", name, action="deletecollection",
                         params=COLLECTION_DELETE_PARAMS + scope)
    for verb in ("get", "update", "delete", "patch"):
        if verb in kind.verbs:
            yield _operation(kind, item, METHODS[verb], _id(kind, VERB_WORDS[verb], every), action=METHODS[verb],
                             params=(*_item_params(verb), "name", *scope))
    for sub in kind.subresources:
        yield from _of_subresource(kind, sub, path=f"{item}/{sub.name}", scope=("name", *scope))


def _watches(kind: Kind) -> Iterator[Operation]:
    """Return the operations of the retired `/watch/` paths, which custom kinds do not describe."""
    space = "{namespace}" if kind.namespaced else ""
    every = kind.kind if not kind.namespaced else f"Namespaced{kind.kind}"
    scope = ("namespace",) if kind.namespaced else ()
    places = [
        (kind.path(space), f"{every}List", "watchlist", scope),
        (kind.path(space, "{name}"), every, "watch", ("name", *scope)),
    ]
    if kind.namespaced:
        places.append((kind.path(), f"{kind.kind}ListForAllNamespaces", "watchlist", ()))
    document = _document(kind)
    for path, words, action, named in places:
        retired = path.replace(f"/{document}/", f"/{document}/watch/", 1)
        spoken, params = (kind.group, kind.version, kind.kind), (*LIST_PARAMS, *named, "pretty")
        yield Operation(document, retired, "get", _id(kind, "watch", words), action, spoken, params,
                        result="meta_v1.WatchEvent", produces=LIST_MEDIA)


def _of_subresource(kind: Kind, sub: Subresource, *, path: str, scope: tuple[str, ...]) -> Iterator[Operation]:
    word = ("Namespaced" if kind.namespaced else "") + kind.kind + sub.name.capitalize()
    spoken = (sub.group or kind.group, sub.version or kind.version, sub.kind or kind.kind)
    if sub.name in CONNECT_PARAMS:
        for suffix, rest in (("", ""), ("WithPath", "/{path}")) if sub.name == "proxy" else (("", ""),):
            for method in _connect_methods(sub):
                name = _id(kind, "connect", method.capitalize() + word + suffix)
                yield Operation(_document(kind), path + rest, method, name, "connect", spoken,
                                CONNECT_PARAMS[sub.name] + scope, result="string", produces=ANY)
        return
    for verb in sub.verbs:
        name = _id(kind, VERB_WORDS[verb], word)
        if sub.name == "log":
            yield Operation(_document(kind), path, "get", name, "get", spoken, LOG_PARAMS + scope, result="string",
                            produces=("text/plain", *MEDIA))
        else:
            made = _operation(kind.body_of(sub), path, METHODS[verb], name, action=METHODS[verb],
                              params=_item_params(verb) + scope)
            yield _in_document(made, _document(kind))


def _connect_methods(sub: Subresource) -> tuple[str, ...]:
    return ("get", "put", "post", "delete", "options", "head", "patch") if sub.name == "proxy" else ("get", "post")


def _operation(kind: Kind, path: str, method: str, name: str, *, action: str, params: tuple[str, ...]) -> Operation:
    """Fill in what follows from the action: body, result, media types, codes."""
    spoken = (kind.group, kind.version, kind.kind)
    bodies = {"post": kind.definition, "put": kind.definition, "patch": "meta_v1.Patch",
              "delete": "meta_v1.DeleteOptions", "deletecollection": "meta_v1.DeleteOptions"}
    results = {"list": kind.definition + "List", "delete": kind.definition if kind.shown_when_deleted else STATUS,
               "deletecollection": STATUS}
    codes = {"post": (200, 201, 202), "put": (200, 201), "patch": (200, 201), "delete": (200, 202)}
    body = bodies.get(action, "")
    return Operation(
        _document(kind), path, method, name, action, spoken, (*params, "pretty"), body,
        results.get(action, kind.definition), (PATCH_MEDIA if action == "patch" else ANY) if body else (),
        LIST_MEDIA if action == "list" else MEDIA, codes.get(action, (200,)),
    )


def _in_document(made: Operation, document: str) -> Operation:
    return Operation(document, made.path, made.method, made.id, made.action, made.kind, made.params, made.body,
                     made.result, made.consumes, made.produces, made.codes)


def _item_params(verb: str) -> tuple[str, ...]:
    return {"update": WRITE_PARAMS, "create": WRITE_PARAMS, "patch": (*WRITE_PARAMS, "force"),
            "delete": DELETE_PARAMS}.get(verb, ())


def _document(kind: Kind) -> str:
    return f"apis/{kind.group}/{kind.version}" if kind.group else f"api/{kind.version}"


def _id(kind: Kind, verb: str, rest: str) -> str:
    return f"{verb}{_camel(kind.group) or 'Core'}{kind.version.capitalize()}{rest}"


def _camel(group: str) -> str:
    """Return `RbacAuthorization` for rbac.authorization.k8s.io."""
    return "".join(word.capitalize() for word in group.removesuffix(".k8s.io").split(".") if word)
