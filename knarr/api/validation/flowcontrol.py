"""Check flow schemas and priority levels. Source: kube pkg/apis/flowcontrol/validation/validation.go."""

from __future__ import annotations

from math import ceil, log2
from typing import Any, Final

from knarr.api.validation import formats
from knarr.api.validation.spot import Spot

Obj = dict[str, Any]
PRECEDENCE_MAX: Final = 10000
QUEUES_MAX: Final = 10_000_000
HASH_BITS_MAX: Final = 60        # what shuffle sharding can draw from one hash
PERCENT_MAX: Final = 100
DISTINGUISHERS: Final = ("ByNamespace", "ByUser")
SUBJECTS: Final = {"User": "user", "Group": "group", "ServiceAccount": "serviceAccount"}
VERBS: Final = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
RESPONSES: Final = ("Queue", "Reject")
LEVELS: Final = ("Exempt", "Limited")
NAMESPACE_WORDS: Final = "each member of this list must be '*' or a DNS-1123 label; "


def schema(root: Spot, obj: Obj) -> None:
    """Check a FlowSchema."""
    spec, spot = obj.get("spec") or {}, root.at("spec")
    precedence = spec.get("matchingPrecedence", 0)
    place = spot.at("matchingPrecedence")
    if precedence <= 0:
        place.invalid(precedence, "must be a positive value")
    if precedence > PRECEDENCE_MAX:
        place.invalid(precedence, f"must not be greater than {PRECEDENCE_MAX}")
    if precedence == 1 and obj["metadata"].get("name") != "exempt":
        place.invalid(precedence, "only the schema named 'exempt' may have matchingPrecedence 1")
    method = spec.get("distinguisherMethod")
    if method is not None and method.get("type") not in DISTINGUISHERS:
        spot.at("distinguisherMethod").at("type").unsupported(method.get("type", ""), DISTINGUISHERS)
    level = (spec.get("priorityLevelConfiguration") or {}).get("name")
    where = spot.at("priorityLevelConfiguration").at("name")
    if level:
        where.each(level, formats.dns_subdomain(level))
    else:
        where.required("must reference a priority level")
    for number, rule in enumerate(spec.get("rules") or ()):
        _rule(spot.at("rules").index(number), rule)
    _conditions(root, obj)


def level(root: Spot, obj: Obj) -> None:
    """Check a PriorityLevelConfiguration."""
    spec, spot, kind = obj.get("spec") or {}, root.at("spec"), (obj.get("spec") or {}).get("type", "")
    if (obj["metadata"].get("name") == "exempt") != (kind == "Exempt"):
        spot.at("type").invalid(kind, "type must be 'Exempt' if and only if name is 'exempt'")
    limited, exempt = spec.get("limited"), spec.get("exempt")
    if kind == "Exempt":
        if limited is not None:
            spot.at("limited").forbidden("must be nil if the type is not Limited")
        if exempt is not None:
            _shares(spot.at("exempt"), exempt)
    elif kind == "Limited":
        if exempt is not None:
            spot.at("exempt").forbidden("must be nil if the type is Limited")
        if limited is None:
            spot.at("limited").required("must not be empty when type is Limited")
        else:
            _limited(spot.at("limited"), limited)
    else:
        spot.at("type").unsupported(kind, LEVELS)
    _conditions(root, obj)


def status_update(root: Spot, new: Obj, _: Obj) -> None:
    """Check what is written to the status of either."""
    _conditions(root, new)


def _rule(spot: Spot, rule: Obj) -> None:
    subjects = rule.get("subjects") or ()
    for number, subject in enumerate(subjects):
        _subject(spot.at("subjects").index(number), subject)
    if not subjects:
        spot.at("subjects").required("subjects must contain at least one value")
    if not rule.get("resourceRules") and not rule.get("nonResourceRules"):
        spot.required("at least one of resourceRules and nonResourceRules has to be non-empty")
    for number, row in enumerate(rule.get("resourceRules") or ()):
        _resource_rule(spot.at("resourceRules").index(number), row)
    for number, row in enumerate(rule.get("nonResourceRules") or ()):
        _path_rule(spot.at("nonResourceRules").index(number), row)


def _subject(spot: Spot, subject: Obj) -> None:
    kind = subject.get("kind", "")
    own = SUBJECTS.get(kind)
    if own is None:
        spot.at("kind").unsupported(kind, sorted(SUBJECTS))
        return
    where, named = spot.at(own), subject.get(own)
    if named is None:
        where.required(f"{own} is required when subject kind is '{kind}'")
    elif kind == "ServiceAccount":
        _account(where, named)
    elif not named.get("name"):
        where.at("name").required()
    for other_kind, other in SUBJECTS.items():
        if other != own and subject.get(other) is not None:
            spot.at(other).forbidden(f"{other} is forbidden when subject kind is not '{other_kind}'")


def _account(spot: Spot, named: Obj) -> None:
    name, namespace = named.get("name"), named.get("namespace")
    if not name:
        spot.at("name").required()
    elif name != "*":
        spot.at("name").each(name, formats.dns_subdomain(name))
    if namespace:
        spot.at("namespace").each(namespace, formats.dns_label(namespace))
    else:
        spot.at("namespace").required("must specify namespace for service account")


def _resource_rule(spot: Spot, rule: Obj) -> None:
    _verbs(spot.at("verbs"), rule.get("verbs") or [])
    for member, one, many in (("apiGroups", "api group", "api groups"), ("resources", "resource", "resources")):
        values = rule.get(member) or []
        if not values:
            spot.at(member).required(f"resource rules must supply at least one {one}")
        elif len(values) > 1 and "*" in values:
            spot.at(member).invalid(values, f"if '*' is present, must not specify other {many}")
    where, namespaces = spot.at("namespaces"), rule.get("namespaces") or []
    if not namespaces and not rule.get("clusterScope"):
        where.required("resource rules that are not cluster scoped must supply at least one namespace")
    elif "*" in namespaces:
        if len(namespaces) > 1:
            where.invalid(namespaces, "if '*' is present, must not specify other namespaces")
    else:
        for number, namespace in enumerate(namespaces):
            faults = formats.dns_label(namespace)
            where.index(number).each(namespace, (NAMESPACE_WORDS + fault for fault in faults))


def _path_rule(spot: Spot, rule: Obj) -> None:
    _verbs(spot.at("verbs"), rule.get("verbs") or [])
    where, paths = spot.at("nonResourceURLs"), rule.get("nonResourceURLs") or []
    if not paths:
        where.required("nonResourceURLs must contain at least one value")
    elif "*" in paths:
        if len(paths) > 1:
            where.invalid(paths, "if '*' is present, must not specify other non-resource URLs")
    else:
        for number, path in enumerate(paths):
            fault = _path_fault(path)
            if fault:
                where.index(number).invalid(path, fault)


def _path_fault(path: str) -> str:
    if not path:
        return "must not be empty"
    if path == "/":
        return ""
    stars = path.count("*")
    faults = {
        "must start with slash": not path.startswith("/"),
        "must not contain white-space": " " in path,
        "must not contain double slash": "//" in path,
        "wildcard can only do suffix matching": stars > 1 or (stars == 1 and not path.endswith("/*")),
    }
    return next((fault for fault, there in faults.items() if there), "")


def _verbs(spot: Spot, verbs: list[str]) -> None:
    if not verbs:
        spot.required("verbs must contain at least one value")
    elif "*" in verbs:
        if len(verbs) > 1:
            spot.invalid(verbs, "if '*' is present, must not specify other verbs")
    elif not set(verbs) <= set(VERBS):
        spot.unsupported(verbs, VERBS)


def _limited(spot: Spot, limited: Obj) -> None:
    _shares(spot, limited)
    borrowing = limited.get("borrowingLimitPercent")
    if borrowing is not None and borrowing < 0:
        spot.at("borrowingLimitPercent").invalid(borrowing, "if specified, must be a non-negative integer")
    response, where = limited.get("limitResponse") or {}, spot.at("limitResponse")
    kind, queuing = response.get("type", ""), response.get("queuing")
    if kind == "Reject":
        if queuing is not None:
            where.at("queuing").forbidden("must be nil if limited.limitResponse.type is not Limited")
    elif kind == "Queue":
        if queuing is None:
            where.at("queuing").required("must not be empty if limited.limitResponse.type is Limited")
        else:
            _queuing(where.at("queuing"), queuing)
    else:
        where.at("type").unsupported(kind, RESPONSES)


def _shares(spot: Spot, part: Obj) -> None:
    shares, lendable = part.get("nominalConcurrencyShares", 0), part.get("lendablePercent", 0)
    if shares < 0:
        spot.at("nominalConcurrencyShares").invalid(shares, "must be a non-negative integer")
    if not 0 <= lendable <= PERCENT_MAX:
        spot.at("lendablePercent").invalid(lendable, "must be between 0 and 100, inclusive")


def _queuing(spot: Spot, queuing: Obj) -> None:
    length, queues, hand = (queuing.get(member, 0) for member in ("queueLengthLimit", "queues", "handSize"))
    if length <= 0:
        spot.at("queueLengthLimit").invalid(length, "must be positive")
    if queues <= 0:
        spot.at("queues").invalid(queues, "must be positive")
    elif queues > QUEUES_MAX:
        spot.at("queues").invalid(queues, f"must not be greater than {QUEUES_MAX}")
    if hand <= 0:
        spot.at("handSize").invalid(hand, "must be positive")
    elif hand > queues:
        spot.at("handSize").invalid(hand, f"should not be greater than queues ({queues})")
    elif entropy_bits(queues, hand) > HASH_BITS_MAX:
        spot.at("handSize").invalid(hand, f"required entropy bits of deckSize {queues} and handSize {hand} should not "
                                          f"be greater than {HASH_BITS_MAX}")


def entropy_bits(queues: int, hand: int) -> int:
    """Return the bits that dealing a hand of queues takes. Source: kube util/shufflesharding, RequiredEntropyBits."""
    return ceil(sum(log2(queues - dealt) for dealt in range(hand)))


def _conditions(root: Spot, obj: Obj) -> None:
    seen: set[str] = set()
    for number, row in enumerate((obj.get("status") or {}).get("conditions") or ()):
        where, kind = root.at("status").at("conditions").index(number).at("type"), row.get("type", "")
        if kind in seen:
            where.duplicate(kind)
        seen.add(kind)
        if not kind:
            where.required("must not be empty")
