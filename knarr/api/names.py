"""Check names, label keys and label values, and say what is wrong in Kubernetes' own words.

Each function returns the faults as texts, none if the value is well formed.
Source: kube apimachinery/pkg/util/validation/validation.go.
"""

from __future__ import annotations

import re

SUBDOMAIN_MAX = 253  # characters. Source: RFC 1123
LABEL_MAX = 63  # characters. Source: RFC 1123
QUALIFIED_NAME_MAX = 63
PORT_NAME_MAX = 15  # characters. Source: RFC 6335

_LABEL_SHAPE = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN_SHAPE = _LABEL_SHAPE + r"(\." + _LABEL_SHAPE + ")*"
_LABEL_1035_SHAPE = "[a-z]([-a-z0-9]*[a-z0-9])?"
_WILDCARD_SHAPE = r"\*\." + _SUBDOMAIN_SHAPE
_QUALIFIED_SHAPE = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE_SHAPE = "(" + _QUALIFIED_SHAPE + ")?"
_CONFIG_KEY_SHAPE = r"[-._a-zA-Z0-9]+"
_C_IDENTIFIER_SHAPE = "[A-Za-z_][A-Za-z0-9_]*"
_ENV_NAME_SHAPE = r"[-._a-zA-Z][-._a-zA-Z0-9]*"
_HTTP_HEADER_SHAPE = "[-A-Za-z0-9]+"

_LABEL = re.compile(_LABEL_SHAPE)
_SUBDOMAIN = re.compile(_SUBDOMAIN_SHAPE)
_LABEL_1035 = re.compile(_LABEL_1035_SHAPE)
_WILDCARD = re.compile(_WILDCARD_SHAPE)
_QUALIFIED = re.compile(_QUALIFIED_SHAPE)
_LABEL_VALUE = re.compile(_LABEL_VALUE_SHAPE)
_CONFIG_KEY = re.compile(_CONFIG_KEY_SHAPE)
_C_IDENTIFIER = re.compile(_C_IDENTIFIER_SHAPE)
_ENV_NAME = re.compile(_ENV_NAME_SHAPE)
_HTTP_HEADER = re.compile(_HTTP_HEADER_SHAPE)

_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character"
)
_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character"
)
_LABEL_1035_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character"
)
_WILDCARD_TEXT = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
    "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character"
)
_QUALIFIED_TEXT = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)
_LABEL_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character"
)
_ENV_NAME_TEXT = (
    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not "
    "start with a digit"
)
_C_IDENTIFIER_TEXT = (
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters "
    "or '_'"
)
_CONFIG_KEY_TEXT = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
_HTTP_HEADER_TEXT = "a valid HTTP header must consist of alphanumeric characters or '-'"


def subdomain(text: str) -> list[str]:
    """Check a lower-case RFC 1123 subdomain, which most object names are."""
    return _too_long(text, SUBDOMAIN_MAX) + _shape(
        _SUBDOMAIN, text, _regex_text(_SUBDOMAIN_TEXT, _SUBDOMAIN_SHAPE, "example.com"))


def label(text: str) -> list[str]:
    """Check a lower-case RFC 1123 label: namespaces, container and volume names."""
    return _too_long(text, LABEL_MAX) + _shape(
        _LABEL, text, _regex_text(_LABEL_TEXT, _LABEL_SHAPE, "my-name", "123-abc"))


def label_1035(text: str) -> list[str]:
    """Check a RFC 1035 label, which may not start with a digit."""
    return _too_long(text, LABEL_MAX) + _shape(
        _LABEL_1035, text, _regex_text(_LABEL_1035_TEXT, _LABEL_1035_SHAPE, "my-name", "abc-123"))


def wildcard_subdomain(text: str) -> list[str]:
    """Check `*.example.com`."""
    return _too_long(text, SUBDOMAIN_MAX) + _shape(
        _WILDCARD, text, _regex_text(_WILDCARD_TEXT, _WILDCARD_SHAPE, "*.example.com"))


def path_segment(text: str) -> list[str]:
    """Check a name that need only fit into a URL: RBAC objects."""
    if text in (".", ".."):
        return [f"may not be '{text}'"]
    return [f"may not contain '{mark}'" for mark in "/%" if mark in text]


def qualified_name(text: str) -> list[str]:
    """Check a label or annotation key: a name, with a DNS prefix or without."""
    parts = text.split("/")
    if len(parts) > 2:
        texts = _regex_text(_QUALIFIED_TEXT, _QUALIFIED_SHAPE, "MyName", "my.name", "123-abc")
        return [f"a qualified name {texts} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    faults: list[str] = []
    if len(parts) == 2:
        faults = ["prefix part must be non-empty"] if not parts[0] else [
            f"prefix part {fault}" for fault in subdomain(parts[0])]
    name = parts[-1]
    if not name:
        faults.append("name part must be non-empty")
    elif len(name) > QUALIFIED_NAME_MAX:
        faults.append(f"name part must be no more than {QUALIFIED_NAME_MAX} characters")
    if not _QUALIFIED.fullmatch(name):
        faults.append("name part " + _regex_text(_QUALIFIED_TEXT, _QUALIFIED_SHAPE, "MyName", "my.name", "123-abc"))
    return faults


def label_value(text: str) -> list[str]:
    """Check a label's value."""
    return _too_long(text, LABEL_MAX) + _shape(
        _LABEL_VALUE, text, _regex_text(_LABEL_VALUE_TEXT, _LABEL_VALUE_SHAPE, "MyValue", "my_value", "12345"))


def config_key(text: str) -> list[str]:
    """Check a key of a ConfigMap or Secret."""
    faults = _too_long(text, SUBDOMAIN_MAX) + _shape(
        _CONFIG_KEY, text, _regex_text(_CONFIG_KEY_TEXT, _CONFIG_KEY_SHAPE, "key.name", "KEY_NAME", "key-name"))
    return faults + _dots(text)


def env_name(text: str) -> list[str]:
    """Check an environment variable's name in the strict alphabet (letters, digits, `_`, `-`, `.`)."""
    faults = _shape(_ENV_NAME, text, _regex_text(
        _ENV_NAME_TEXT, _ENV_NAME_SHAPE, "my.env-name", "MY_ENV.NAME", "MyEnvName1"))
    return faults + _dots(text)


def relaxed_env_name(text: str) -> list[str]:
    """Check an environment variable's name: printable ASCII but `=`. Source: KEP-4369, GA in 1.34."""
    if not text:
        return ["environment variable name must not be empty"]
    bad = any(mark == "=" or not " " <= mark <= "~" for mark in text)
    return ["a valid environment variable name must consist only of printable ASCII characters other than '='"
            ] if bad else []


def c_identifier(text: str) -> list[str]:
    """Check a C identifier."""
    return _shape(_C_IDENTIFIER, text, _regex_text(
        _C_IDENTIFIER_TEXT, _C_IDENTIFIER_SHAPE, "my_name", "MY_NAME", "MyName"))


def http_header(text: str) -> list[str]:
    """Check a header's name."""
    return _shape(_HTTP_HEADER, text, _regex_text(_HTTP_HEADER_TEXT, _HTTP_HEADER_SHAPE, "X-Header-Name"))


def port_name(text: str) -> list[str]:
    """Check a named port: an IANA service name. Source: RFC 6335."""
    faults = []
    if len(text) > PORT_NAME_MAX:
        faults.append(f"must be no more than {PORT_NAME_MAX} characters")
    if not re.fullmatch("[-a-z0-9]+", text):
        faults.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", text):
        faults.append("must contain at least one letter (a-z)")
    if "--" in text:
        faults.append("must not contain consecutive hyphens")
    if text and (text[0] == "-" or text[-1] == "-"):
        faults.append("must not begin or end with a hyphen")
    return faults


def port_number(port: int) -> list[str]:
    """Check a port's number."""
    return [] if 1 <= port <= 65535 else ["must be between 1 and 65535, inclusive"]


def _too_long(text: str, most: int) -> list[str]:
    return [f"must be no more than {most} characters"] if len(text) > most else []


def _shape(shape: re.Pattern[str], text: str, fault: str) -> list[str]:
    return [] if shape.fullmatch(text) else [fault]


def _dots(text: str) -> list[str]:
    """Refuse what would mean a directory."""
    if text in (".", ".."):
        return [f"must not be '{text}'"]
    return ["must not start with '..'"] if text.startswith("..") else []


def _regex_text(text: str, shape: str, *examples: str) -> str:
    """Build the message as Kubernetes words it: examples, then the expression."""
    listed = " or ".join(f"'{example}', " for example in examples)
    return f"{text} (e.g. {listed}regex used for validation is '{shape}')"
