"""Arrays without a count of their users: what a kernel hands to the kernels it calls costs nothing to hand on.

Numba counts the users of every array with atomic operations, at each call and each slice; where a call does little
else, that is most of its time. The caller keeps the arrays alive for as long as a kernel runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import carray, types
from numba.extending import intrinsic

from tallystick.core.numeric import kernel

ARRAYS = 8
"""Where in ctl the addresses begin."""


def _to_pointer(element: Any) -> Any:
    def typed(typing: Any, address: Any) -> Any:
        signature = types.CPointer(element)(types.uintp)

        def written(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return signature, written

    return intrinsic(typed)


_signed, _unsigned = _to_pointer(types.int64), _to_pointer(types.uint64)


@kernel
def bare(array: Any) -> Any:
    """A contiguous int64 array without its count."""
    return carray(_signed(array.ctypes.data), array.shape)


@kernel
def bare_state(ctl: Any) -> Any:
    """The arrays of an arena, from the addresses and shapes that its ctl holds from word `ARRAYS` on."""
    a = ARRAYS
    return (
        bare(ctl),
        carray(_signed(np.uint64(ctl[a])), (ctl[a + 1], ctl[a + 2])),
        carray(_signed(np.uint64(ctl[a + 3])), (ctl[a + 4], ctl[a + 5])),
        carray(_signed(np.uint64(ctl[a + 6])), (ctl[a + 7], ctl[a + 8])),
        carray(_signed(np.uint64(ctl[a + 9])), (ctl[a + 10],)),
        carray(_signed(np.uint64(ctl[a + 12])), (ctl[a + 13], ctl[a + 14])),
        carray(_signed(np.uint64(ctl[a + 15])), (ctl[a + 16], ctl[a + 17])),
        carray(_signed(np.uint64(ctl[a + 18])), (ctl[a + 19],)),
        carray(_unsigned(np.uint64(ctl[a + 21])), (ctl[a + 22], ctl[a + 23])),
    )


@kernel
def bare_program(call: Any) -> Any:
    """The arrays of a program, from the addresses and shapes that `call` holds."""
    return (
        carray(_signed(np.uint64(call[0])), (call[1], call[2])),
        carray(_signed(np.uint64(call[3])), (call[4], call[5])),
        carray(_signed(np.uint64(call[6])), (call[7], call[8])),
        carray(_signed(np.uint64(call[9])), (call[10],)),
    )


def write_addresses(words: Any, arrays: Sequence[Any]) -> None:
    """Write the address and shape of each array, three words for each; the caller keeps the arrays alive."""
    for i, array in enumerate(arrays):
        shape = (*array.shape, 0)
        words[3 * i : 3 * i + 3] = array.ctypes.data, shape[0], shape[1]
