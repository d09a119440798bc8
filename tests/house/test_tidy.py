"""Walk the source and refuse what the style refuses: long functions, deep nests, clocks, bare tasks, missing words."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(p for p in (ROOT / "knarr").rglob("*.py") if "/api/types/" not in p.as_posix())   # those are generated

FUNCTION_LINES_MAX = 60
MODULE_LINES_MAX = 500
NESTING_MAX = 3
PARAMETERS_MAX = 6
NAMES_REFUSED = {"utils", "common", "helpers", "misc", "manager"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(params=SOURCES, ids=relative)
def source(request: pytest.FixtureRequest) -> Path:
    return request.param  # type: ignore[no-any-return]


def test_module_is_short_named_well_and_introduced(source):
    """A reader opens any file: it fits in the head, its name says its concept, its first words say what it owns."""
    text = source.read_text()

    assert len(text.splitlines()) <= MODULE_LINES_MAX
    assert source.stem not in NAMES_REFUSED
    assert not text.strip() or ast.get_docstring(ast.parse(text)), "the module has no docstring"


def test_functions_are_short_and_shallow(source):
    """Nobody scrolls to read one function, nor counts its indents, nor its parameters."""
    tree = ast.parse(source.read_text())
    faults = [fault for function in functions(tree) for fault in function_faults(function)]

    assert [] == faults


def function_faults(function: Function) -> Iterator[str]:
    where = f"line {function.lineno} {function.name}"
    lines = (function.end_lineno or 0) - function.lineno + 1
    if lines > FUNCTION_LINES_MAX:
        yield f"{where}: {lines} lines, at most {FUNCTION_LINES_MAX}"
    depth = nesting(function.body)
    if depth > NESTING_MAX:
        yield f"{where}: nested {depth} deep, at most {NESTING_MAX}"
    arguments = [a for a in function.args.posonlyargs + function.args.args if a.arg not in ("self", "cls")]
    total = len(arguments) + len(function.args.kwonlyargs)
    if total > PARAMETERS_MAX and "overload" not in {getattr(d, "id", "") for d in function.decorator_list}:
        yield f"{where}: {total} parameters, at most {PARAMETERS_MAX}"


BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)


def nesting(body: list[ast.stmt], depth: int = 0) -> int:
    """Count the deepest chain of blocks; `elif` and a `with` around a whole body do not deepen it."""
    deepest = depth
    for statement in body:
        if not isinstance(statement, BLOCKS):
            continue
        inner = depth + (not isinstance(statement, ast.With | ast.AsyncWith))
        within = [nesting(block, inner) for block in bodies(statement)]
        deepest = max([deepest, inner, *within, *elif_depths(statement, depth)])
    return deepest


def bodies(statement: ast.stmt) -> list[list[ast.stmt]]:
    if isinstance(statement, ast.Match):
        return [case.body for case in statement.cases]
    blocks = [statement.body]  # type: ignore[attr-defined]
    orelse = getattr(statement, "orelse", [])
    if not (isinstance(statement, ast.If) and len(orelse) == 1 and isinstance(orelse[0], ast.If)):
        blocks.append(orelse)
    blocks.append(getattr(statement, "finalbody", []))
    blocks.extend(handler.body for handler in getattr(statement, "handlers", []))
    return blocks


def elif_depths(statement: ast.stmt, depth: int) -> list[int]:
    orelse = getattr(statement, "orelse", [])
    chained = isinstance(statement, ast.If) and len(orelse) == 1 and isinstance(orelse[0], ast.If)
    return [nesting(orelse, depth)] if chained else []


def test_public_things_say_what_they_are(source):
    """Whatever another file may call has a docstring."""
    tree = ast.parse(source.read_text())
    outermost = [node for node in tree.body if isinstance(node, Function | ast.ClassDef)]
    public = [node for node in outermost if not node.name.startswith("_")]
    silent = [f"line {n.lineno} {n.name}" for n in public if not ast.get_docstring(n) and not is_plain(n)]

    assert [] == silent


def is_plain(node: Function | ast.ClassDef) -> bool:
    """An error of three lines, drawn in its module's tree, needs no second docstring; nor does a small function."""
    return (node.end_lineno or 0) - node.lineno < 8


CALLS_REFUSED = {
    ("time", "time"), ("time", "monotonic"),
    ("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"),
    ("asyncio", "create_task"), ("asyncio", "ensure_future"),
    ("random", "random"), ("random", "choice"), ("random", "randint"),
}
CALLS_ALLOWED_IN = {"knarr/base/clock.py", "knarr/assembly/supervise.py", "knarr/base/virtual.py"}


def test_time_tasks_and_dice_come_in_as_arguments(source):
    """A clock, a task or a die made on the spot cannot be simulated: they have one door each."""
    if relative(source) in CALLS_ALLOWED_IN:
        return
    calls = [node for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Call)]
    named = [(c.lineno, c.func.value.id, c.func.attr) for c in calls
             if isinstance(c.func, ast.Attribute) and isinstance(c.func.value, ast.Name)]

    assert [] == [f"line {line}: {left}.{right}()" for line, left, right in named if (left, right) in CALLS_REFUSED]


WORDS_REFUSED = ("TODO", "FIXME", "XXX", "HACK")


def test_nothing_is_left_for_later(source):
    """A note to self is not a capability."""
    assert [] == [word for word in WORDS_REFUSED if f"# {word}" in source.read_text()]
