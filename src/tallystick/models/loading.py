"""Open any stored model: the file says of what kind it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tallystick.core import StateError
from tallystick.models.container import Packed, read_file
from tallystick.models.horizon import open_anomaly, open_hazard, open_warning
from tallystick.models.losses import open_losses
from tallystick.models.serving import KIND, open_model
from tallystick.models.words import WORDS

_KINDS: Mapping[str, Callable[[Packed], Any]] = {
    KIND: open_model,
    "anomaly": open_anomaly,
    "hazard": open_hazard,
    "losses": open_losses,
    "warning": open_warning,
}


def load(path: str | Path) -> Any:
    """Open a stored model of any kind; the file may come from a stranger, for it holds numbers and text only.

    Parameters
    ----------
    path
        A file *.tally. One that is named by a version (64 hexadecimal digits) must hold that version.

    Returns
    -------
    Model
        Or what its kind is: `Hazard`, `EarlyWarning`, `Anomaly`, `Losses`; all have `score(row)` and
        `score_columns(frame)`.

    Raises
    ------
    StateError
        When there is no file, or one of a kind or meaning that this release does not know.
    TamperError
        When anything in it is not what was written.
    """
    packed = read_file(path)
    if packed.kind not in _KINDS:
        raise StateError(WORDS("store.kind", given=packed.kind, allowed=", ".join(_KINDS)), packed.place)
    return _KINDS[packed.kind](packed)
