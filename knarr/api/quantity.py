"""Read, compare, add and print quantities: `500m`, `1Gi`, `1e3`.

A quantity is a whole number of billionths and the form it was written in; nothing finer exists, finer input rounds away
from zero. Source: kube apimachinery/pkg/api/resource/quantity.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

Form = Literal["DecimalSI", "BinarySI", "DecimalExponent"]

NANO = 10**9
MAX_NANO = (2**63 - 1) * NANO  # larger input is cut to this
DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
DECIMAL_NAMES = {exponent: name for name, exponent in DECIMAL.items()}
BINARY_NAMES = {0: "", **{exponent: name for name, exponent in BINARY.items()}}
SHAPE = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)", re.ASCII)
EXPONENT = re.compile(r"[eE]([-+]?[0-9]{1,9})", re.ASCII)
EXPONENT_MAX = 400  # beyond any value that is not cut or rounded away

FORMAT_WRONG = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
SUFFIX_WRONG = "unable to parse quantity's suffix"


class QuantityError(ValueError):
    """The text is no quantity; the message is what Kubernetes says."""


@dataclass(frozen=True, slots=True, order=True)
class Quantity:
    """An amount of a resource.

    nano: billionths. Comparison and arithmetic look at it before the form.
    """

    nano: int
    form: Form = field(default="DecimalSI", compare=False)

    @property
    def value(self) -> int:
        """Whole units, rounded up."""
        return -(-self.nano // NANO)

    @property
    def milli(self) -> int:
        """Thousandths, rounded up."""
        return -(-self.nano // (NANO // 1000))

    def __add__(self, other: Quantity) -> Quantity:
        """Add; the form is the left one's, unless that is zero."""
        return Quantity(self.nano + other.nano, self.form if self.nano else other.form)

    def __sub__(self, other: Quantity) -> Quantity:
        """Subtract; the form is the left one's, unless that is zero."""
        return Quantity(self.nano - other.nano, self.form if self.nano else other.form)

    def __str__(self) -> str:
        """Print in canonical form: no fraction, the largest suffix that loses nothing."""
        if self.nano == 0:
            return "0"
        whole, rest = divmod(self.nano, NANO)
        if self.form == "BinarySI" and rest == 0 and abs(whole) >= 1024:
            return _scaled(whole, base=1024, names=BINARY_NAMES, first=0, step=1)
        names = DECIMAL_NAMES
        if self.form == "DecimalExponent":
            names = {exponent: f"e{exponent}" if exponent else "" for exponent in DECIMAL_NAMES}
        return _scaled(self.nano, base=1000, names=names, first=-9, step=3)


@lru_cache(maxsize=4096)  # 4096: more than the distinct quantities of a large cluster
def parse(text: str | int | float) -> Quantity:
    """Read a quantity. Raises QuantityError.

    >>> parse("1.5Gi").value, parse("0.1").milli, str(parse("1024Mi")), str(parse(1000))
    (1610612736, 100, '1Gi', '1k')
    """
    match = SHAPE.fullmatch(str(text).strip())
    if match is None:
        raise QuantityError(FORMAT_WRONG)
    sign, whole, fraction, suffix = match.groups(default="")
    if not (whole or fraction):
        raise QuantityError(FORMAT_WRONG)
    base, exponent, form = _suffix(suffix)
    nano = _nano(int((whole + fraction) or "0"), base=base, exponent=exponent, places=len(fraction))
    nano = min(nano, MAX_NANO)
    if form == "BinarySI" and 0 < nano < NANO:
        form = "DecimalSI"
    return Quantity(-nano if sign == "-" else nano, form)


def canonical(text: str | int | float) -> str:
    """Return the text that the server stores. Raises QuantityError."""
    return str(parse(text))


def milli(text: str | int | float) -> int:
    """Return thousandths, rounded up. Raises QuantityError."""
    return parse(text).milli


def value(text: str | int | float) -> int:
    """Return whole units, rounded up. Raises QuantityError."""
    return parse(text).value


def _suffix(suffix: str) -> tuple[int, int, Form]:
    """Return base, exponent and form of a suffix."""
    if suffix in BINARY:
        return 1024, BINARY[suffix], "BinarySI"
    if suffix in DECIMAL:
        return 10, DECIMAL[suffix], "DecimalSI"
    match = EXPONENT.fullmatch(suffix)
    if match is None:
        raise QuantityError(SUFFIX_WRONG)
    exponent = max(-EXPONENT_MAX, min(EXPONENT_MAX, int(match[1])))
    return 10, exponent, "DecimalExponent"


def _nano(digits: int, *, base: int, exponent: int, places: int) -> int:
    """Return digits / 10**places * base**exponent in billionths, rounded up."""
    up = digits * NANO * (base**exponent if exponent > 0 else 1)
    down: int = 10**places * (base**-exponent if exponent < 0 else 1)
    return -(-up // down)


def _scaled(number: int, *, base: int, names: dict[int, str], first: int, step: int) -> str:
    """Divide by the base while nothing is lost and a name is left."""
    exponent = first
    while number % base == 0 and exponent + step in names:
        number //= base
        exponent += step
    return f"{number}{names[exponent]}"
