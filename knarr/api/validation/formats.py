"""Check formats quickly: names (cached, from `names`), addresses, percentages, sysctls.

Each check returns what is wrong, in words; no words, no fault.
Source: kube apimachinery pkg/util/validation/validation.go, pkg/api/validation/name.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network, NetmaskValueError
from typing import Final, TypeAlias

from knarr.api import names

Faults: TypeAlias = tuple[str, ...]
Check: TypeAlias = Callable[[str], Faults]

CACHE_MAX: Final = 4096   # texts kept per check: names and keys repeat, at some hundred bytes each
SUBDOMAIN_MAX: Final = names.SUBDOMAIN_MAX

PERCENT: Final = "[0-9]+%"
SYSCTL: Final = r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
PERCENT_WORDS: Final = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
    f"regex used for validation is '{PERCENT}')"
)
IP_WORDS: Final = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
CIDR_WORDS: Final = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"

_percent = re.compile(PERCENT).fullmatch
_sysctl = re.compile(SYSCTL).fullmatch
_digits = re.compile("[0-9]+", re.ASCII).fullmatch


def _cached(check: Callable[[str], list[str]]) -> Check:
    @lru_cache(maxsize=CACHE_MAX)
    def checked(value: str) -> Faults:
        return tuple(check(value))
    return checked


dns_label: Final = _cached(names.label)
dns_subdomain: Final = _cached(names.subdomain)
dns_1035_label: Final = _cached(names.label_1035)
wildcard_subdomain: Final = _cached(names.wildcard_subdomain)
path_segment: Final = _cached(names.path_segment)
qualified_name: Final = _cached(names.qualified_name)
label_value: Final = _cached(names.label_value)
config_key: Final = _cached(names.config_key)
env_name: Final = _cached(names.relaxed_env_name)
http_header: Final = _cached(names.http_header)
port_name: Final = _cached(names.port_name)


def path_segment_prefix(value: str) -> Faults:
    """A prefix of a path segment."""
    return tuple(f"may not contain '{mark}'" for mark in "/%" if mark in value)


def prefix_of(check: Check) -> Check:
    """Return the check of a `generateName`: it may end in a dash, because something follows."""
    def checked(value: str) -> Faults:
        return check(f"{value[:-2]}a" if len(value) > 1 and value.endswith("-") else value)
    return checked


def port_number(value: int) -> Faults:
    """1 … 65535."""
    return () if 1 <= value <= 65535 else ("must be between 1 and 65535, inclusive",)


def sysctl_name(value: str) -> Faults:
    """`net.ipv4.ip_forward`, with dots or slashes."""
    if len(value) <= SUBDOMAIN_MAX and _sysctl(value):
        return ()
    return (f"must have at most {SUBDOMAIN_MAX} characters and match regex ^{SYSCTL}$",)


def percent(value: str) -> Faults:
    """`25%`."""
    return () if _percent(value) else (PERCENT_WORDS,)


def address(value: str) -> IPv4Address | IPv6Address | None:
    """Parse an IP address; None if it is none."""
    try:
        return IPv6Address(value) if ":" in value else IPv4Address(value)
    except AddressValueError:
        return None


def network(value: str) -> IPv4Network | IPv6Network | None:
    """Parse a CIDR, host bits allowed; None if it is none."""
    _, slash, length = value.partition("/")
    if not slash or not _digits(length):
        return None
    try:
        return IPv6Network(value, strict=False) if ":" in value else IPv4Network(value, strict=False)
    except (AddressValueError, NetmaskValueError):
        return None


def ip(value: str) -> Faults:
    """An IPv4 or IPv6 address."""
    return () if address(value) else (IP_WORDS,)


def cidr(value: str) -> Faults:
    """An address and a prefix length."""
    return () if network(value) else (CIDR_WORDS,)
