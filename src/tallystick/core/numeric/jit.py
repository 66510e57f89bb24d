"""Compiled kernels: one wrapper, so that every room compiles under the same rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def kernel(function: F) -> F:
    """Compile `function` with numba, cached on disk, without the GIL and without fastmath.

    Without fastmath LLVM keeps the written order of + − × ÷ √ and fuses nothing, so the bits are those of the source.
    """
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))
