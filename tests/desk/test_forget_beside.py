"""Labels and models that are computed while somebody is forgotten: nothing of what was read before is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.desk.forgetting import Her, found_in, stopped_at

from tallystick.core import StateError
from tallystick.desk import Project, finish_forgetting, forget_subject
from tallystick.desk.forget_notes import watch_erasures
from tallystick.desk.points import compute_labels, values_path
from tallystick.desk.progress import silent
from tallystick.desk.training import train_models


@pytest.fixture
def her(bank: Path) -> Her:
    return Her(bank)


def no_values(her: Her) -> bool:
    """Whether nothing that was computed lies where labels lie, whole or in part."""
    return not list(values_path(her.project, "payments").parent.iterdir())


@pytest.mark.parametrize("whole", [True, False])
def test_labels_are_not_kept_when_somebody_is_forgotten_meanwhile(
    her: Her, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the erasure is begun and ended in between, or only begun; what it made of the values before stays."""
    path = values_path(her.project, "payments")
    left = b""

    def progress(step: str, done: int, total: int) -> None:
        nonlocal left
        if whole:
            forget_subject(her.project, her.id, "asked")
        else:
            stopped_at("leaf", her.project, her.id, monkeypatch)
        left = path.read_bytes()

    with pytest.raises(StateError) as caught:
        compute_labels(her.project, progress)
    assert caught.value.code == ("forget.meanwhile" if whole else "forget.first")
    assert (path.read_bytes(), list(path.parent.iterdir())) == (left, [path])
    assert (caught.value.text("zh").endswith("请重新执行本命令"), "{" in caught.value.text("zh")) == (whole, False)
    finish_forgetting(her.project)
    compute_labels(her.project, silent)
    assert found_in(her.project.state, her.names) == []


@pytest.mark.parametrize("at", [1, 2])
def test_an_erasure_between_the_last_look_and_the_files_leaves_no_values(
    her: Her, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the files are in their places, and after."""
    looks = 0

    def watching(project: Project) -> Callable[[], None]:
        look = watch_erasures(project)

        def looked() -> None:
            nonlocal looks
            looks += 1
            if (looks, at) == (2, 2):
                forget_subject(her.project, her.id, "asked")
            look()
            if (looks, at) == (1, 1):
                forget_subject(her.project, her.id, "asked")

        return looked

    with monkeypatch.context() as patched:
        patched.setattr("tallystick.desk.points.watch_erasures", watching)
        with pytest.raises(StateError, match="somebody was forgotten"):
            compute_labels(her.project, silent)
    assert no_values(her)
    compute_labels(her.project, silent)
    assert found_in(her.project.state, her.names) == []


def test_what_is_begun_must_be_ended_before_labels_or_models(her: Her, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the erasure has done already would be undone."""
    stopped_at("leaf", her.project, her.id, monkeypatch)
    for work in (compute_labels, train_models):
        with pytest.raises(StateError, match="`tally forget` ends it") as caught:
            work(her.project, silent)
        assert caught.value.code == "forget.first"
    finish_forgetting(her.project)
    compute_labels(her.project, silent)


def test_a_model_is_not_stored_when_somebody_is_forgotten_meanwhile(her: Her) -> None:
    registry = her.project.state / "registry"
    before = {path: path.read_bytes() for path in registry.rglob("*") if path.is_file()}

    def progress(step: str, done: int, total: int) -> None:
        if not erased:
            erased.append(forget_subject(her.project, her.id, "asked"))

    erased: list[Any] = []
    with pytest.raises(StateError) as caught:
        train_models(her.project, progress)
    assert caught.value.code == "forget.meanwhile"
    assert {path: path.read_bytes() for path in registry.rglob("*") if path.is_file()} == before


def test_values_computed_twice_at_once_stay(her: Her, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another `tally labels` put the same part in place before: nobody was forgotten, and what it put there stays."""
    path = values_path(her.project, "payments")

    def first(self: Path, target: Path) -> Path:
        replace(self, target)
        return replace(self, target)

    replace = Path.replace
    monkeypatch.setattr(Path, "replace", first)
    with pytest.raises(FileNotFoundError):
        compute_labels(her.project, silent)
    assert path.exists()
