"""Numeric kernels of the serving path, kept apart so that `tallystick.core` itself loads no numpy or numba."""

from tallystick.core.numeric.jit import kernel
from tallystick.core.numeric.logexp import exp, exp_array, log, log_array, logit, logit_array, sigmoid, sigmoid_array
from tallystick.core.numeric.parallel import each, in_parts

__all__ = [
    "each",
    "exp",
    "exp_array",
    "in_parts",
    "kernel",
    "log",
    "log_array",
    "logit",
    "logit_array",
    "sigmoid",
    "sigmoid_array",
]
