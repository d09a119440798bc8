"""Read the page that lists where answers differ from Kubernetes' own, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs/reference/differences.md"


@dataclass(frozen=True)
class Row:
    """One line of the page: which differences it explains, and how many at most."""

    files: tuple[str, ...]
    case: str
    what: str
    lines_max: int

    def explains(self, line: str) -> bool:
        """Tell whether `file | case | what` is one of its."""
        file, case, what = line.split(" | ", 2)
        return (
            any(fnmatchcase(file, pattern) for pattern in self.files)
            and fnmatchcase(case.strip(), literal(self.case)) and fnmatchcase(what, literal(self.what))
        )


def literal(pattern: str) -> str:
    """Brackets stand for themselves."""
    return pattern.replace("[", "[[]")


def rows() -> list[Row]:
    """Read the page's table."""
    found = []
    for line in PAGE.read_text().splitlines():
        if line.startswith("| `"):
            files, case, what, most, _ = (cell.strip() for cell in line.strip("|").split(" | "))
            found.append(Row(tuple(one.strip("` ") for one in files.split(",")), case.strip("`"), what.strip("`"), int(most)))
    return found
