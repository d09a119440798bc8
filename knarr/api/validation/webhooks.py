"""Check webhook configurations. Source: kube pkg/apis/admissionregistration/validation/validation.go."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final
from urllib.parse import urlsplit

from knarr.api.validation import formats
from knarr.api.validation.selector import label_selector
from knarr.api.validation.spot import Spot

SIDE_EFFECTS: Final = ("None", "NoneOnDryRun")
FAILURE: Final = ("Fail", "Ignore")
MATCH: Final = ("Equivalent", "Exact")
REINVOCATION: Final = ("IfNeeded", "Never")
OPERATIONS: Final = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
SCOPES: Final = ("*", "Cluster", "Namespaced")
VERSIONS: Final = ("v1", "v1beta1")
TIMEOUT_MAX_S: Final = 30
SEGMENTS_MIN: Final = 3
URL_FORM: Final = "desired format: https://host[/path]"


def configuration(root: Spot, obj: dict[str, Any]) -> None:
    """Check a ValidatingWebhookConfiguration or MutatingWebhookConfiguration."""
    seen: set[str] = set()
    for number, hook in enumerate(obj.get("webhooks") or ()):
        spot, name = root.at("webhooks").index(number), hook.get("name") or ""
        _webhook(spot, hook)
        if name in seen:
            spot.at("name").duplicate(name)
        seen.add(name)


def _webhook(spot: Spot, hook: dict[str, Any]) -> None:
    name = hook.get("name") or ""
    faults = formats.dns_subdomain(name)
    spot.at("name").each(name, faults)
    if not faults and len(name.split(".")) < SEGMENTS_MIN:
        spot.at("name").invalid(name, "should be a domain with at least three segments separated by dots")
    for number, rule in enumerate(hook.get("rules") or ()):
        rule_with_operations(spot.at("rules").index(number), rule)
    for member, choices in (("failurePolicy", FAILURE), ("matchPolicy", MATCH), ("reinvocationPolicy", REINVOCATION)):
        if hook.get(member) is not None and hook[member] not in choices:
            spot.at(member).unsupported(hook[member], choices)
    if not hook.get("sideEffects"):
        spot.at("sideEffects").required(f"must specify one of {', '.join(SIDE_EFFECTS)}")
    elif hook["sideEffects"] not in SIDE_EFFECTS:
        spot.at("sideEffects").unsupported(hook["sideEffects"], SIDE_EFFECTS)
    if not 1 <= hook.get("timeoutSeconds", 1) <= TIMEOUT_MAX_S:
        spot.at("timeoutSeconds").invalid(hook["timeoutSeconds"], "the timeout value must be between 1 and 30 seconds")
    for member in ("namespaceSelector", "objectSelector"):
        label_selector(spot.at(member), hook.get(member))
    _versions(spot.at("admissionReviewVersions"), hook.get("admissionReviewVersions") or [])
    _client(spot.at("clientConfig"), hook.get("clientConfig") or {})
    if hook.get("matchConditions"):
        _conditions(spot.at("matchConditions"), hook["matchConditions"])


def _conditions(spot: Spot, conditions: list[dict[str, Any]]) -> None:
    """Bring CEL in with the first condition: most webhooks have none."""
    import_module("knarr.api.validation.expressions").hook_conditions(spot, conditions)


def _versions(spot: Spot, versions: list[str]) -> None:
    if not versions:
        spot.required(f"must specify one of {', '.join(VERSIONS)}")
    elif not set(versions) & set(VERSIONS):
        spot.invalid(versions, f"must include at least one of {', '.join(VERSIONS)}")


def _client(spot: Spot, client: dict[str, Any]) -> None:
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        spot.required("exactly one of url or service is required")
    elif url is not None:
        _url(spot.at("url"), url)
    elif service is not None:
        for member in ("name", "namespace"):
            if not service.get(member):
                spot.at("service").at(member).required()
        if service.get("path") and not service["path"].startswith("/"):
            spot.at("service").at("path").invalid(service["path"], "must start with a '/'")
        port = service.get("port", 443)
        if formats.port_number(port):
            spot.at("service").at("port").invalid(port, "port is not valid: must be between 1 and 65535, inclusive")


def _url(spot: Spot, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https":
        spot.invalid(parts.scheme, f"'https' is the only allowed URL scheme; {URL_FORM}")
    if not parts.netloc:
        spot.invalid("", f"host must be specified; {URL_FORM}")
    if "@" in parts.netloc:
        spot.invalid(parts.netloc.rpartition("@")[0], "user information is not permitted in the URL")
    if parts.fragment:
        spot.invalid(parts.fragment, "fragments are not permitted in the URL")
    if parts.query:
        spot.invalid(parts.query, "query parameters are not permitted in the URL")


def rule_with_operations(spot: Spot, rule: dict[str, Any]) -> None:
    """Check which operations on which resources a rule names."""
    for member in ("operations", "apiGroups", "apiVersions", "resources"):
        if not rule.get(member):
            spot.at(member).required()
        elif "*" in rule[member] and len(rule[member]) > 1 and member != "resources":
            spot.at(member).invalid(rule[member], f"if '*' is present, must not specify other {WORDS[member]}")
    for number, operation in enumerate(rule.get("operations") or ()):
        if operation not in OPERATIONS:
            spot.at("operations").index(number).unsupported(operation, OPERATIONS)
    if rule.get("scope") is not None and rule["scope"] not in SCOPES:
        spot.at("scope").unsupported(rule["scope"], SCOPES)


WORDS: Final = {"operations": "operations", "apiGroups": "API groups", "apiVersions": "API versions"}
