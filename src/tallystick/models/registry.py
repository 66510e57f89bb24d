"""The registry: a folder of models by name and version, and which of them is champion."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from tallystick.core import Place, StateError
from tallystick.models.artifact import load, write_model
from tallystick.models.model import Model
from tallystick.models.training import Trained
from tallystick.models.words import WORDS

_VERSION = re.compile(r"[0-9a-f]{64}")
_POINTER = "champion"


class Entry(msgspec.Struct, frozen=True):
    """One stored version: its card, and whether it is its model's champion."""

    name: str
    version: str
    champion: bool
    card: dict[str, Any]


def save(model: Trained | Model, folder: str | Path) -> str:
    """Write a model to folder/<name>/<version>/ (model.json, arrays.npz, card.json) and give its version.

    The version is the hash of the content: saving the same model twice changes nothing.
    """
    return write_model(model.model if isinstance(model, Trained) else model, folder)


class Registry:
    """Models in a folder.

    Parameters
    ----------
    folder
        Made on the first save.

    Examples
    --------
    >>> Registry("nowhere").entries()
    []
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def save(self, model: Trained | Model, *, champion: bool = False) -> str:
        """Store a model and give its version; `champion` promotes it."""
        stored = model.model if isinstance(model, Trained) else model
        version = write_model(stored, self.folder)
        if champion:
            self.promote(stored.name, version)
        return version

    def entries(self) -> list[Entry]:
        """All stored versions, by name then version; nothing is verified until it is loaded."""
        found = []
        for home in sorted(self.folder.iterdir()) if self.folder.is_dir() else ():
            champion = self.champion(home.name) if home.is_dir() else None
            for path in sorted(home.iterdir()) if home.is_dir() else ():
                if _VERSION.fullmatch(path.name):
                    card = msgspec.json.decode((path / "card.json").read_bytes())
                    found.append(Entry(home.name, path.name, path.name == champion, card))
        return found

    def champion(self, name: str) -> str | None:
        """The champion's version, or None while there is none."""
        pointer = self.folder / name / _POINTER
        return pointer.read_text(encoding="ascii").strip() if pointer.is_file() else None

    def promote(self, name: str, version: str) -> None:
        """Make `version` the champion of `name`, atomically; it must be stored and whole."""
        self.load(name, version)
        home = self.folder / name
        handle, draft = tempfile.mkstemp(prefix=".champion-", dir=home)
        with os.fdopen(handle, "w", encoding="ascii") as out:
            out.write(version + "\n")
            out.flush()
            os.fsync(out.fileno())
        Path(draft).chmod(0o644)
        Path(draft).replace(home / _POINTER)

    def load(self, name: str, version: str | None = None) -> Model:
        """Open a version, by default the champion; `StateError` where there is none, `TamperError` when touched."""
        wanted = version or self.champion(name)
        if wanted is None:
            raise StateError(WORDS("store.champion", name=name), Place(str(self.folder / name)))
        return load(self.folder / name / wanted)
