"""Memory by its address: what a kernel hands to the kernels it calls is one word for each array.

Numba passes an array as seven words and counts its users with atomic operations, at each call and each slice; where a
call does little else, that is most of its time. So the kernels of a live arena take pointers to int64 words, of which
`p[i]` is all they can do. The caller keeps the arrays alive for as long as a kernel runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numba import carray, types
from numba.core import cgutils
from numba.extending import intrinsic

from tallystick.core.numeric import kernel

Words: TypeAlias = Any
"""A pointer to int64 words. From Python all is given by addresses."""

_BYTE, _INT = cgutils.ir.IntType(8), cgutils.ir.IntType(32)

ARRAYS = 8
"""Where in ctl the addresses begin."""


def _to_pointer(element: Any) -> Any:
    def typed(typing: Any, address: Any) -> Any:
        signature = types.CPointer(element)(types.int64)

        def written(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return signature, written

    return intrinsic(typed)


words_at = _to_pointer(types.int64)
"""The int64 words at an address."""
bytes_at = _to_pointer(types.uint8)
"""The bytes at an address."""
_unsigned_at = _to_pointer(types.uint64)


def _soon(typing: Any, pointer: Any, word: Any) -> Any:
    def written(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.bitcast(builder.gep(arguments[0], [arguments[1]]), _BYTE.as_pointer())
        kind = cgutils.ir.FunctionType(cgutils.ir.VoidType(), [_BYTE.as_pointer(), _INT, _INT, _INT])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        builder.call(prefetch, [place, _INT(0), _INT(3), _INT(1)])
        return context.get_dummy_value()

    return types.void(pointer, types.int64), written


soon = intrinsic(_soon)
"""Have the memory at a word of a pointer brought near; nothing else changes, and any word will do."""


@kernel
def copy(to: Words, at: int, source: Words, begin: int, size: int) -> None:
    """Copy a few words; written out, since a loop would first ask whether the two overlap."""
    j = 0
    while j + 4 <= size:
        a, b, c, d = source[begin + j], source[begin + j + 1], source[begin + j + 2], source[begin + j + 3]
        to[at + j], to[at + j + 1], to[at + j + 2], to[at + j + 3] = a, b, c, d
        j += 4
    if size & 2:
        a, b = source[begin + j], source[begin + j + 1]
        to[at + j], to[at + j + 1] = a, b
        j += 2
    if size & 1:
        to[at + j] = source[begin + j]


@kernel
def signed(address: int, size: int) -> Any:
    """An array of int64 over memory, without a count of its users."""
    return carray(words_at(np.int64(address)), (size,))


@kernel
def unsigned(address: int, size: int) -> Any:
    """An array of uint64 over memory, without a count of its users."""
    return carray(_unsigned_at(np.int64(address)), (size,))


def write_addresses(words: Any, arrays: Sequence[Any]) -> None:
    """Write the address and shape of each array, three words for each; the caller keeps the arrays alive."""
    for i, array in enumerate(arrays):
        shape = (*array.shape, 0)
        words[3 * i : 3 * i + 3] = array.ctypes.data, shape[0], shape[1]
