"""Name sizes of huge pages as Kubernetes and the kernel do. Pure."""

from __future__ import annotations

UNITS = ((30, "Gi"), (20, "Mi"), (10, "Ki"))


def hugepage_name(size_bytes: int) -> str:
    """Return the resource of huge pages of a size.

    >>> hugepage_name(2 << 20)
    'hugepages-2Mi'
    """
    return f"hugepages-{binary(size_bytes)}"


def binary(amount: int) -> str:
    """Spell an amount in the greatest binary unit that divides it."""
    return next((f"{amount >> shift}{unit}" for shift, unit in UNITS if amount % (1 << shift) == 0), str(amount))


def page_size(size_bytes: int) -> str:
    """Name a size of huge pages as control groups do.

    >>> page_size(2 << 20)
    '2MB'
    """
    for shift, unit in ((30, "GB"), (20, "MB")):
        if size_bytes % (1 << shift) == 0:
            return f"{size_bytes >> shift}{unit}"
    return f"{size_bytes >> 10}KB"
