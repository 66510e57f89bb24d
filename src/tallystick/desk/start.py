"""New projects: a copy of an example's definitions in a new folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from tallystick.core import UsageError
from tallystick.desk.words import WORDS

PAYMENTS = "payments"
DEFINITIONS = (
    "tallystick.toml",
    "sources.toml",
    "labels.py",
    "models.toml",
    "flows.toml",
    "reasons.toml",
    "decisions",
)


def example_folder(name: str) -> Path:
    """Where an example's definitions lie: beside the package's code when installed, else in the checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "examples" / name
    return installed if installed.is_dir() else package.parents[1] / "examples" / name


def copy_example(name: str, folder: Path) -> list[Path]:
    """Copy the definitions of an example to `folder`.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    UsageError
        When the folder already holds a project.
    """
    if (folder / "tallystick.toml").exists():
        raise UsageError(WORDS("project.exists", given=str(folder)))
    folder.mkdir(parents=True, exist_ok=True)
    source = example_folder(name)
    for item in DEFINITIONS:
        if (source / item).is_dir():
            shutil.copytree(source / item, folder / item, dirs_exist_ok=True)
        else:
            shutil.copyfile(source / item, folder / item)
    (folder / ".gitignore").write_text(".tallystick/\n", "utf-8")
    return sorted(path for path in folder.rglob("*") if path.is_file())


def init_project(folder: Path) -> list[Path]:
    """Make a project to start from: card payments, ready for `tally check`."""
    return copy_example(PAYMENTS, folder)
