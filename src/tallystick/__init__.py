"""Tallystick: labels, models, decisions and their proof, with the same bits in batch, stream and request."""

__version__ = "0.1.0"

__all__ = ["__version__"]
