"""Losses: loss given default, exposure at default, expected credit loss by stage, vintage curves."""

from tallystick.models.losses.expected import Repayment, StageOptions, expected_losses, stages
from tallystick.models.losses.model import (
    Exposure,
    LossDefinition,
    Losses,
    LossOptions,
    LossScore,
    fit_losses,
    open_losses,
)
from tallystick.models.losses.vintage import Vintage, vintages

__all__ = [
    "Exposure",
    "LossDefinition",
    "LossOptions",
    "LossScore",
    "Losses",
    "Repayment",
    "StageOptions",
    "Vintage",
    "expected_losses",
    "fit_losses",
    "open_losses",
    "stages",
    "vintages",
]
