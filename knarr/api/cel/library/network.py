"""Addresses: URLs, IPs and CIDRs. Source: kube apiserver pkg/cel/library/{urls,ip,cidr}.go."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from knarr.api.cel.faults import CelError
from knarr.api.cel.overloads import Functions, scan
from knarr.api.cel.values import Thing

IP, CIDR, URL = "net.IP", "net.CIDR", "kubernetes.URL"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface


def declare(functions: Functions) -> None:
    """Declare them."""
    _urls(functions)
    _ips(functions)
    _cidrs(functions)


def _urls(functions: Functions) -> None:
    add = functions.add
    add(f"url(string) -> {URL}", _url, cost=scan)
    add("isURL(string) -> bool", lambda value: _parsed_url(value) is not None, cost=scan)
    add(f"({URL}).getScheme() -> string", lambda value: value.held.scheme)
    add(f"({URL}).getHost() -> string", lambda value: value.held.netloc.rpartition("@")[2])
    add(f"({URL}).getHostname() -> string", lambda value: _hostname(value.held))
    add(f"({URL}).getPort() -> string", lambda value: str(value.held.port) if value.held.port is not None else "")
    add(f"({URL}).getEscapedPath() -> string", lambda value: value.held.path)
    add(f"({URL}).getQuery() -> map<string, list<string>>",
        lambda value: parse_qs(value.held.query, keep_blank_values=True))


def _ips(functions: Functions) -> None:
    add = functions.add
    add(f"ip(string) -> {IP}", _ip, cost=scan)
    add("isIP(string) -> bool", lambda value: _parsed_ip(value) is not None, cost=scan)
    add("ip.isCanonical(string) -> bool", lambda value: str(_ip(value).held) == value, cost=scan)
    add(f"string({IP}) -> string", lambda value: str(value.held))
    add(f"({IP}).family() -> int", lambda value: value.held.version)
    add(f"({IP}).isUnspecified() -> bool", lambda value: value.held.is_unspecified)
    add(f"({IP}).isLoopback() -> bool", lambda value: value.held.is_loopback)
    add(f"({IP}).isLinkLocalMulticast() -> bool", lambda value: _local_multicast(value.held))
    add(f"({IP}).isLinkLocalUnicast() -> bool", lambda value: value.held.is_link_local)
    add(f"({IP}).isGlobalUnicast() -> bool", lambda value: _global_unicast(value.held))


def _cidrs(functions: Functions) -> None:
    add = functions.add
    add(f"cidr(string) -> {CIDR}", _cidr, cost=scan)
    add("isCIDR(string) -> bool", lambda value: _parsed_cidr(value) is not None, cost=scan)
    add(f"string({CIDR}) -> string", lambda value: str(value.held))
    add(f"({CIDR}).containsIP(string) -> bool", lambda value, one: _ip(one).held in value.held.network)
    add(f"({CIDR}).containsIP({IP}) -> bool", lambda value, one: one.held in value.held.network)
    add(f"({CIDR}).containsCIDR(string) -> bool", lambda value, one: _covers(value, _cidr(one)))
    add(f"({CIDR}).containsCIDR({CIDR}) -> bool", _covers)
    add(f"({CIDR}).ip() -> {IP}", lambda value: Thing(IP, value.held.ip))
    add(f"({CIDR}).masked() -> {CIDR}", lambda value: Thing(CIDR, ipaddress.ip_interface(str(value.held.network))))
    add(f"({CIDR}).prefixLength() -> int", lambda value: value.held.network.prefixlen)


def _parsed_url(value: str) -> SplitResult | None:
    """Read an absolute URL or an absolute path, as Go's ParseRequestURI; None for anything else."""
    try:
        found = urlsplit(value)
        port = found.port
    except ValueError:
        return None
    if any(ord(one) <= 32 or ord(one) == 127 for one in value) or (port is not None and port > 65535):
        return None
    return found if value.startswith("/") or (found.scheme and (found.netloc or found.path)) else None


def _url(value: str) -> Thing:
    found = _parsed_url(value)
    if found is None:
        raise CelError(f'URL parse error during conversion from string: parse "{value}": invalid URI for request')
    return Thing(URL, found)


def _hostname(value: SplitResult) -> str:
    host = value.netloc.rpartition("@")[2]
    return unquote(host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0])


def _parsed_ip(value: str) -> Address | None:
    try:
        found = ipaddress.ip_address(value)
    except ValueError:
        return None
    mapped = isinstance(found, ipaddress.IPv6Address) and (found.ipv4_mapped is not None or found.scope_id)
    return None if mapped else found


def _ip(value: str) -> Thing:
    found = _parsed_ip(value)
    if found is None:
        raise CelError(f'IP Address "{value}" parse error during conversion from string')
    return Thing(IP, found)


def _parsed_cidr(value: str) -> Interface | None:
    head, mark, bits = value.partition("/")
    if not mark or not bits.isdecimal() or (len(bits) > 1 and bits.startswith("0")) or _parsed_ip(head) is None:
        return None
    try:
        return ipaddress.ip_interface(value)
    except ValueError:
        return None


def _cidr(value: str) -> Thing:
    found = _parsed_cidr(value)
    if found is None:
        raise CelError(f"network address parse error during conversion from string: invalid CIDR address: {value}")
    return Thing(CIDR, found)


def _covers(outer: Thing, inner: Thing) -> bool:
    wide, narrow = outer.held.network, inner.held.network
    return bool(wide.version == narrow.version and wide.prefixlen <= narrow.prefixlen and inner.held.ip in wide)


def _local_multicast(value: Address) -> bool:
    """224.0.0.0/24 and ff02::/16."""
    return value.packed[:3] == b"\xe0\0\0" if value.version == 4 else (
        value.packed[0] == 0xFF and value.packed[1] & 0x0F == 2)


def _global_unicast(value: Any) -> bool:
    return not (value.is_unspecified or value.is_loopback or value.is_multicast or value.is_link_local
                or str(value) == "255.255.255.255")
