"""The pages say what the code does: faces, commands, keys of TOML files, the summary's schema, links and examples."""

from __future__ import annotations

import json
import re
import runpy
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer
from typer.core import TyperArgument, TyperGroup, TyperOption

from tallystick.cli.app import app
from tallystick.desk import summary_schema
from tallystick.desk.flows import Flow, LiveWindow
from tallystick.desk.settings import LedgerTable, ProjectTable, Settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("examples/*/*.md"), *ROOT.glob("changelog.d/*.md")])

# Python that shows a call without its surroundings, with the reason why it cannot run alone.
NOT_RUN = {
    "scale.md": "reads a history of files; tests/labels/test_partitions.py and test_spark.py run both calls",
    "models.md": "reads the models.toml and the label frame of a project",
    "labels-reference.md": "test_labels_reference.py runs each section after the page's declarations",
    "labels-tutorial.md": "test_labels_tutorial.py runs it from top to bottom",
}


def test_the_page_of_faces_is_what_the_code_says() -> None:
    """docs/faces.md equals what scripts/faces.py writes from `__all__` and the docstrings."""
    written: str = runpy.run_path(str(ROOT / "scripts" / "faces.py"))["page"]()
    assert (DOCS / "faces.md").read_text("utf-8") == written, "run: python scripts/faces.py"


def test_every_room_is_on_the_page_of_faces() -> None:
    """A new room, or a room's second face, must be listed in scripts/faces.py."""
    package = ROOT / "src" / "tallystick"
    faces = {
        ".".join(path.parent.relative_to(package).parts)
        for path in package.glob("*/**/__init__.py")
        if "__all__" in path.read_text("utf-8")
    }
    assert faces <= set(re.findall(r"^## tallystick\.(\S+)", (DOCS / "faces.md").read_text("utf-8"), re.MULTILINE))


def commands() -> Iterator[tuple[str, Any]]:
    """Every command of `tally` by its whole name."""

    def walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
        if isinstance(command, TyperGroup):
            for below in command.commands.values():
                yield from walk(f"{name} {below.name}", below)
        else:
            yield name, command

    yield from walk("tally", typer.main.get_command(app))


def flags(command: Any) -> set[str]:
    """The options of a command in every spelling, `--help` excepted."""
    options = [option for option in command.params if isinstance(option, TyperOption)]
    return {spelling for option in options for spelling in option.opts} - {"--help"}


def sections() -> dict[str, str]:
    """docs/cli.md by its second headings; "" is what stands before the first."""
    parts = re.split(r"^## (.+)$", (DOCS / "cli.md").read_text("utf-8"), flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def test_every_command_has_its_section_and_no_section_lacks_a_command() -> None:
    """docs/cli.md has a heading for each command, and none for what is not there."""
    assert set(sections()) - {""} == {name for name, _ in commands()}


@pytest.mark.parametrize("name", ["", *(name for name, _ in commands())])
def test_every_option_is_documented_and_no_other(name: str) -> None:
    """A command's section names exactly its options; a required argument stands in its synopsis."""
    command: Any = dict(commands())[name] if name else typer.main.get_command(app)
    text = sections()[name]
    named = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]*|-[a-z])(?![\w-])", text)) - {"--help"}
    assert named == flags(command)
    for given in command.params:
        if isinstance(given, TyperArgument):
            assert (given.metavar or str(given.name)).upper() in text
        elif isinstance(given.default, int | str) and not isinstance(given.default, bool) and given.default:
            row = next(line for line in text.splitlines() if f"`{given.opts[0]}`" in line)
            assert str(given.default) in row.split("|")[-2], row


def test_the_schema_of_the_summary_is_published() -> None:
    """docs/run-summary.schema.json is the schema that the code makes."""
    published = json.loads((DOCS / "run-summary.schema.json").read_text("utf-8"))
    assert published == json.loads(json.dumps(summary_schema()))


@pytest.mark.parametrize(
    ("record", "table"),
    [(Flow, ""), (LiveWindow, "live."), (ProjectTable, "project."), (LedgerTable, "ledger."), (Settings, "")],
    ids=lambda value: getattr(value, "__name__", "") or "-",
)
def test_every_key_of_the_project_files_is_documented(record: type[msgspec.Struct], table: str) -> None:
    """docs/flows.md names each key of flows.toml and tallystick.toml in its tables."""
    own = {"name", "path"} if record is Flow else set()  # filled in by the reader, not keys of the file
    tables = {"live"} if record is Flow else {"project", "paths", "state", "ledger"} if record is Settings else set()
    page = (DOCS / "flows.md").read_text("utf-8")
    for key in msgspec.structs.fields(record):
        if key.name in own:
            continue
        prefix = f"| `{table}{key.encode_name}" + (r"." if key.name in tables else "`")
        assert any(line.startswith(prefix) for line in page.splitlines()), f"flows.md lacks {prefix}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_relative_link_resolves(page: Path) -> None:
    """A link to a file of the clone, and the heading it names, exist."""
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", text)
    for target in filter(None, (one or other for one, other in targets)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        found = (page.parent / file).resolve() if file else page
        assert found.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in headings(found), f"{page.name}: {target}"


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def blocks(language: str) -> list[Any]:
    """The fenced blocks of one language in the pages, named by page and line."""
    found = []
    for page in PAGES:
        text = page.read_text("utf-8")
        for match in re.finditer(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            name = f"{page.name}:{text.count(chr(10), 0, match.start()) + 2}"
            found.append(pytest.param(page.name, match[1], id=name))
    return found


@pytest.mark.parametrize(("page", "code"), blocks("python"))
def test_python_of_the_pages_runs(page: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block runs alone, in a folder where only `examples/` lies."""
    program = compile(code, page, "exec")
    if page in NOT_RUN:
        return
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    exec(program, {"__name__": "page"})


@pytest.mark.parametrize(("page", "code"), blocks("toml"))
def test_toml_of_the_pages_is_toml(page: str, code: str) -> None:
    """A reader can copy it."""
    assert tomllib.loads(code), page
