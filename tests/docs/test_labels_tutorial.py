"""The tutorial of labels works as written: its blocks run from top to bottom in one folder, one test a section."""

from __future__ import annotations

import doctest
from functools import lru_cache
from pathlib import Path

import pytest
from tests.docs.reading import Block, Section, sections
from tests.docs.test_first_hour import call, steps_of

PAGE = Path(__file__).parents[2] / "docs" / "labels-tutorial.md"
LANGUAGES = {"python", "pycon", "console"}


@lru_cache(maxsize=1)
def worked() -> tuple[Section, ...]:
    """The sections that have something to run."""
    return tuple(one for one in sections(PAGE) if one.blocks)


class Session:
    """One reader: a folder, a Python session, and how far the page was read."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.names, self.read = folder, {"__name__": "tutorial"}, 0
        self._runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)

    def run(self, section: Section) -> None:
        """The blocks of a section, in order."""
        for block in section.blocks:
            {"python": self._write, "pycon": self._type, "console": self._call}[block.language](block)

    def _write(self, block: Block) -> None:
        with (self.folder / "labels.py").open("a", encoding="utf-8") as file:
            file.write(block.text + "\n")

    def _type(self, block: Block) -> None:
        test = doctest.DocTestParser().get_doctest(block.text, {}, PAGE.name, str(PAGE), block.line - 1)
        test.globs = self.names
        said: list[str] = []
        failed = self._runner.run(test, out=said.append, clear_globs=False).failed
        assert not failed, "".join(said)

    def _call(self, block: Block) -> None:
        for step in steps_of(f"```console\n{block.text}```"):
            call(step, self.folder, f"{PAGE.name}:{block.line + step.line - 2}")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return Session(tmp_path_factory.mktemp("tutorial"))


@pytest.mark.parametrize("number", range(len(worked())), ids=[one.title for one in worked()])
def test_a_section_does_what_it_shows(number: int, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alone, a section is run after those before it."""
    monkeypatch.chdir(session.folder)
    while session.read <= number:
        session.read += 1
        session.run(worked()[session.read - 1])


def test_every_block_is_run() -> None:
    """No block of another language hides."""
    assert {block.language for one in worked() for block in one.blocks} == LANGUAGES
