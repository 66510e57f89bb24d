"""Numeric kernels of the serving path, kept apart so that `tallystick.core` itself loads no numpy or numba."""

from tallystick.core.numeric.jit import kernel

__all__ = ["kernel"]
