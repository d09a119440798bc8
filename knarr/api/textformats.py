"""Say whether a text has a format that schemas may name. Formats not in the table are not looked at.

Source: kube apiextensions pkg/apiserver/validation/formats.go; kube-openapi pkg/validation/strfmt.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Callable
from datetime import date, datetime
from ipaddress import IPv4Address, IPv6Address, ip_network
from urllib.parse import urlsplit

from knarr.api import names

DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:?\d{2})", re.ASCII)
DURATION = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h|d|w)((\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h|d|w))*")
UUID = re.compile(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
MAC = re.compile(r"([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
COLOR = re.compile(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")


def _readable(read: Callable[[str], object]) -> Callable[[str], bool]:
    """Make a check of something that raises ValueError for what it cannot read."""
    def check(value: str) -> bool:
        try:
            read(value)
        except ValueError:
            return False
        return True
    return check


def _moment(value: str) -> bool:
    return bool(DATE_TIME.fullmatch(value)) and _readable(datetime.fromisoformat)(value.upper())


def _base64(value: str) -> bool:
    try:
        b64decode(value, validate=True)
    except binascii.Error:
        return False
    return True


def _whole(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda value: bool(pattern.fullmatch(value))


FORMATS: dict[str, Callable[[str], bool]] = {
    "byte": _base64,
    "cidr": lambda value: "/" in value and _readable(lambda text: ip_network(text, strict=False))(value),
    "date": lambda value: len(value) == 10 and _readable(date.fromisoformat)(value),
    "date-time": _moment,
    "datetime": _moment,
    "duration": _whole(DURATION),
    "email": _whole(EMAIL),
    "hexcolor": _whole(COLOR),
    "hostname": lambda value: not names.subdomain(value.lower()),
    "ipv4": _readable(IPv4Address),
    "ipv6": _readable(IPv6Address),
    "mac": _whole(MAC),
    "uri": lambda value: _readable(urlsplit)(value) and bool(urlsplit(value).scheme or value.startswith("/")),
    "uuid": _whole(UUID),
    "uuid3": _whole(UUID),
    "uuid4": _whole(UUID),
    "uuid5": _whole(UUID),
}
