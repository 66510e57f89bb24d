"""What every kind of model has in common: a content version, and one file."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from tallystick.models.container import version_of, write_file

D = TypeVar("D")


class Filed(Generic[D]):
    """A model that one file holds whole: its definition, its arrays and its card."""

    kind: ClassVar[str]
    semantics: ClassVar[int]
    definition: D
    card: Mapping[str, Any]

    @cached_property
    def version(self) -> str:
        """The content version: of the definition, the arrays and the card."""
        return version_of(self.kind, self.semantics, self.definition, self._arrays(), self.card)

    def save(self, path: str | Path) -> str:
        """Write the model to the file `path` and give its version."""
        return write_file(path, self.kind, self.semantics, self.definition, self._arrays(), self.card)

    def _arrays(self) -> Mapping[str, np.ndarray[Any, Any]]:
        return {}
