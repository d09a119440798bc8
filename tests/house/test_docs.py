"""Keep the pages in step with the code: what is undocumented fails here."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import tomllib
from pathlib import Path
from types import ModuleType

import click
import pytest

from knarr.api.kinds import KINDS
from knarr.apiserver import documents, health
from knarr.apiserver.scrape import LEVEL_GAUGES
from knarr.cli.main import COMMANDS, cli

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def tracked() -> list[Path]:
    """Every file of the project; those of the working tree where there is no repository."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = done.stdout.split("\0") if done.returncode == 0 else []
    return [ROOT / name for name in names if name and (ROOT / name).is_file()] or sorted(DOCS.rglob("*.md"))


def script(name: str) -> ModuleType:
    """Import a program of scripts/, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["cli.md", "kinds.md"])
def test_generated_pages_are_current(page):
    """A new command, option or kind is on its page: run scripts/generate_reference.py."""
    assert (DOCS / "reference" / page).read_text() == script("generate_reference").pages()[page]


def test_every_kind_says_what_acts_on_it():
    """No row for a kind that is not served, none missing."""
    assert {(kind.group, kind.kind) for kind in KINDS if kind.served} == set(script("generate_reference").ACTS)


def test_every_option_says_what_it_does():
    """`--help` never shows a bare name."""
    silent = [f"{name} {option.opts}" for name, command in all_commands(cli)
              for option in command.params if isinstance(option, click.Option) and not option.help]

    assert [] == silent


def all_commands(group: click.Group, prefix: str = "knarr") -> list[tuple[str, click.Command]]:
    context = click.Context(group)
    found: list[tuple[str, click.Command]] = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found.append((f"{prefix} {name}", command))
        if isinstance(command, click.Group):
            found += all_commands(command, f"{prefix} {name}")
    return found


def test_every_route_is_documented():
    """Whatever answers beside the objects stands in http.md."""
    page = (DOCS / "reference" / "http.md").read_text()
    fixed = {path for path in documents.paths()["paths"] if not path.startswith("/apis/")}
    mounted = re.findall(r'"(/[\w.-]+/[\w./-]+)": self\.', (ROOT / "knarr/apiserver/authn/requests.py").read_text())

    assert mounted
    assert [] == sorted(path for path in {*fixed, *health.OPEN_PATHS, *mounted} if f"`{path}`" not in page)


def test_every_node_route_is_documented():
    """Likewise for the agent's own server."""
    page = (DOCS / "reference" / "http.md").read_text()
    words = re.findall(r'\("(\w+)", \d\): ', (ROOT / "knarr/node/server/server.py").read_text())

    assert words
    assert [] == [word for word in words if f"`/{word}" not in page]


def test_every_metric_is_documented():
    """A metric is a face: it has a row, and no row is left of one that went."""
    page = (DOCS / "reference" / "http.md").read_text()
    sources = "".join((ROOT / "knarr/apiserver" / name).read_text() for name in ("metrics.py", "scrape.py"))
    served = set(re.findall(r'"(apiserver_\w+[a-z])"', sources))
    served |= {f"apiserver_flowcontrol_{name}" for name, _, _ in LEVEL_GAUGES}

    assert served == set(re.findall(r"`(apiserver_\w+)`", page))


def test_every_dependency_has_its_reason():
    """One paragraph for each library of pyproject.toml, and none for what is not used."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[<>=!~ \[]", entry)[0].lower() for entry in project["dependencies"]}
    page = (DOCS / "decisions" / "dependencies.md").read_text().lower()
    rows = " ".join(line.split("|")[1] for line in page.splitlines() if line.startswith("|"))

    assert [] == sorted(name for name in wanted if name not in rows)


def test_readme_names_commands_that_exist():
    """Nobody follows the first page into an error."""
    text = (ROOT / "README.md").read_text()
    words = set(re.findall(r"(?:^|[`\s])knarr ([a-z]+)", text)) - {"was"}
    targets = set(re.findall(r"`make ([a-z]+)`|^make ([a-z]+)", text, re.MULTILINE))
    made = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert words
    assert words <= set(COMMANDS)
    assert {one or other for one, other in targets} <= made


LINK = re.compile(r"\[[^\]]+\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", [p for p in tracked() if p.suffix == ".md"], ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    """Between our own pages; the web is not ours to test."""
    dead = [link for link in LINK.findall(page.read_text()) if "://" not in link and not (page.parent / link).exists()]

    assert [] == dead


PRIVATE = re.compile(r"/root/|/work/|/home/[a-z]|https?://[\w.-]*(?:gcr\.io|ghcr\.io|quay\.io)|registry\.local", re.IGNORECASE)
ABOUT_THIS_RULE = "tests/house/test_docs.py"


def test_files_tell_nothing_of_the_machine_they_were_written_on():
    """No path, host or registry of one machine: another one has none of them."""
    found = []
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        if name != ABOUT_THIS_RULE:
            found += [f"{name}: {match.group()}" for match in PRIVATE.finditer(text)]

    assert [] == found


def test_every_module_of_the_command_line_is_reached():
    """A command that no table names cannot be called."""
    modules = {module for module, _ in COMMANDS.values()}
    defining = {path.stem for path in (ROOT / "knarr/cli").glob("*.py") if defines_command(path)}

    assert defining == modules


def defines_command(path: Path) -> bool:
    decorators = [ast.unparse(decorator) for node in ast.parse(path.read_text()).body
                  if isinstance(node, ast.FunctionDef) for decorator in node.decorator_list]
    return path.stem != "main" and any(one.startswith(("click.command", "click.group")) for one in decorators)
