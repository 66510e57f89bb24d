"""Rules of the house that no other tool holds."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import tomllib
from pathlib import Path
from string import Formatter

import pytest

from tallystick.core import Catalogue
from tallystick.desk.start import DEFINITIONS

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "tallystick"

LINES_MAX = 450
# A larger file of src, with the reason why it is one.
LARGER: dict[str, str] = {}

ROOMS = sorted(path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists())


def texts() -> list[tuple[str, str]]:
    """Every text file of the clone that git knows or would take, by its path."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    found = []
    for name in filter(None, listed.stdout.decode().split("\0")):
        try:
            found.append((name, (ROOT / name).read_text("utf-8")))
        except (UnicodeDecodeError, FileNotFoundError):
            continue
    return found


def hits(pattern: str, files: list[tuple[str, str]]) -> list[str]:
    """path:line of every match."""
    return [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in files
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(pattern, line)
    ]


def test_no_machine_path_is_in_the_clone() -> None:
    """What is written here runs on another machine."""
    assert not hits(r"(?<![\w.}])/(?:work|home|tmp|opt|root)/", texts())


def test_requirements_name_versions_and_hashes_only() -> None:
    """No registry, mirror or local folder: pip's own configuration says where packages come from."""
    files = [(name, text) for name, text in texts() if name.startswith("requirements/")]
    assert len(files) >= 6
    assert not hits(r"://|index-url|find-links|trusted-host|^\s*-[if]\b|^\s*(?:file|git)\b", files)
    pinned = [(name, text) for name, text in files if name.endswith(".txt")]
    for name, text in pinned:
        packages = re.findall(r"^[A-Za-z0-9].*?(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
        assert packages, name
        for package in packages:
            assert re.match(r"[\w.\-\[\]]+==", package), package[:60]
            assert "--hash=sha256:" in package, package[:60]


def test_nothing_is_left_for_later() -> None:
    """A known gap is an issue, not a note in the code."""
    assert not hits(r"\b(?:TO[D]O|FIX[M]E|XX[X])\b", texts())


def test_no_file_of_src_is_large_without_a_reason() -> None:
    """About 400 lines is enough for one noun."""
    sizes = {path: len(path.read_text("utf-8").splitlines()) for path in SOURCE.rglob("*.py")}
    large = {path.relative_to(SOURCE).as_posix() for path, lines in sizes.items() if lines > LINES_MAX}
    assert large == set(LARGER)


@pytest.mark.parametrize("face", sorted(SOURCE.rglob("__init__.py")), ids=lambda path: path.parent.name)
def test_a_face_holds_a_docstring_imports_and_names_only(face: Path) -> None:
    """What a room is for stands in its face; what it does stands elsewhere."""
    tree = ast.parse(face.read_text("utf-8"))
    assert ast.get_docstring(tree)
    for statement in tree.body[1:]:
        if isinstance(statement, ast.Assign):
            names = {target.id for target in statement.targets if isinstance(target, ast.Name)}
            assert names <= {"__all__", "__version__"}
        else:
            assert isinstance(statement, ast.Import | ast.ImportFrom)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_speaks_both_languages(room: str) -> None:
    """No message is empty, both languages name the same values, and every message that is asked for exists."""
    known: set[str] = set()
    asked: set[str] = set()
    for path in (SOURCE / room).rglob("*.py"):
        text = path.read_text("utf-8")
        asked |= set(re.findall(r"\bWORDS\(\s*\"([^\"]+)\"", text))
        if not re.search(r"^WORDS = Catalogue\(", text, re.MULTILINE):
            continue
        name = ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
        words: Catalogue = importlib.import_module(name).WORDS
        for code in words.codes():
            message = words(code)
            assert message.en.strip(), code
            assert message.zh.strip(), code
            assert placeholders(message.en) == placeholders(message.zh), code
        known |= set(words.codes())
    assert asked <= known


def placeholders(template: str) -> set[str]:
    """The names that a template fills in."""
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def test_the_wheel_takes_definitions_along_and_no_state() -> None:
    """A run leaves keys in an example's folder; only the files that `tally init` copies may be packed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packed = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert packed == {f"examples/payments/{name}": f"tallystick/examples/payments/{name}" for name in DEFINITIONS}
