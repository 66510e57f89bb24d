"""The arrays of a model under the names that its file gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

import msgspec
import numpy as np

from tallystick.models.serving.definition import Definition
from tallystick.models.trees import Background, Forest

T = TypeVar("T", Forest, Background)
Array = np.ndarray[Any, Any]


def tree_parts(definition: Definition) -> dict[str, tuple[str, str]]:
    """The (branch, part) of every part that is trees, by the beginning of its arrays' names.

    The names count branches and parts: a segment may be any text, a file's name may not.
    """
    return {
        f"b{i}.p{j}": (key, part.name)
        for i, (key, branch) in enumerate(definition.branches.items())
        for j, part in enumerate(branch.parts)
        if part.kind == "trees"
    }


def arrays_of(
    definition: Definition,
    forests: Mapping[tuple[str, str], Forest],
    backgrounds: Mapping[tuple[str, str], Background],
) -> dict[str, Array]:
    """Every array of a model's trees."""
    found: dict[str, Array] = {}
    for prefix, key in tree_parts(definition).items():
        found |= _written(forests[key], f"{prefix}.forest")
        if key in backgrounds:
            found |= _written(backgrounds[key], f"{prefix}.background")
    return found


def records_of(
    definition: Definition, arrays: Mapping[str, Array]
) -> tuple[dict[tuple[str, str], Forest], dict[tuple[str, str], Background]]:
    """The forests and backgrounds that `arrays_of` wrote; nothing in them is checked but their names and types.

    Raises
    ------
    ValueError
        When an array is absent, of another type, or belongs to nothing.
    """
    left, forests, backgrounds = dict(arrays), {}, {}
    for prefix, key in tree_parts(definition).items():
        forests[key] = _read(Forest, f"{prefix}.forest", left)
        if any(name.startswith(f"{prefix}.background.") for name in left):
            backgrounds[key] = _read(Background, f"{prefix}.background", left)
    if left:
        raise ValueError(min(left))
    return forests, backgrounds


def _written(record: Forest | Background, prefix: str) -> dict[str, Array]:
    fields = record.__struct_fields__
    return {f"{prefix}.{name}": np.atleast_1d(np.asarray(getattr(record, name))) for name in fields}


def _read(form: type[T], prefix: str, arrays: dict[str, Array]) -> T:
    held: dict[str, Any] = {}
    for field in msgspec.structs.fields(form):
        array = arrays.pop(f"{prefix}.{field.name}", None)
        if array is None:
            raise ValueError(f"{prefix}.{field.name}")
        single = field.type in (int, float)
        wanted = np.dtype(field.type if single else get_args(get_args(field.type)[1])[0])
        if array.dtype != wanted or (single and array.shape != (1,)):
            raise ValueError(f"{prefix}.{field.name}")
        held[field.name] = array[0].item() if single else array
    return form(**held)
