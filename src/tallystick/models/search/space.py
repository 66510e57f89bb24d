"""A declared space: the values that each parameter may take, in order."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from tallystick.core import InputError
from tallystick.models.search.words import WORDS

Space: TypeAlias = Mapping[str, Sequence[Any]]
"""Parameter of the estimator → its values; `inner__outer` as scikit-learn names parameters of parameters."""
Settings: TypeAlias = dict[str, Any]


def check_space(estimator: Any, space: Space) -> None:
    """Raise `InputError` for an empty space or a name that the estimator does not know."""
    if not space:
        raise InputError(WORDS("search.space", name=""))
    known = estimator.get_params(deep=True)
    for name, values in space.items():
        if not len(values):
            raise InputError(WORDS("search.space", name=name))
        if name not in known:
            near = difflib.get_close_matches(name, known, 1) or [", ".join(sorted(known))]
            raise InputError(WORDS("search.name", name=name, kind=type(estimator).__name__, near=near[0]))


def size_of(space: Space) -> int:
    """How many settings the space holds."""
    size = 1
    for values in space.values():
        size *= len(values)
    return size


def setting_at(space: Space, place: int) -> Settings:
    """The setting at `place` when all are counted, the last parameter fastest."""
    found: Settings = {}
    for name, values in reversed(list(space.items())):
        place, at = divmod(place, len(values))
        found[name] = values[at]
    return dict(reversed(list(found.items())))


def draw(space: Space, count: int, rng: np.random.Generator) -> list[Settings]:
    """`count` settings without repetition, the whole space in order where it is not larger."""
    size = size_of(space)
    if size <= count:
        return [setting_at(space, place) for place in range(size)]
    places: dict[int, None] = {}
    while len(places) < count:
        # A space may be too large to permute, so repetitions are drawn again.
        places.setdefault(int(rng.integers(0, min(size, 2**62))), None)
    return [setting_at(space, place) for place in places]
