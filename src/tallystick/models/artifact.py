"""A model on disk: JSON and plain arrays, named by the hash of their content; nothing in it can run."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tallystick.core import InputError, Place, StateError, TamperError, content_version
from tallystick.models.model import Definition, Model
from tallystick.models.trees import Forest
from tallystick.models.words import WORDS

SEMANTICS = 2
"""The number of the meaning of a stored model; another meaning of the same file gets another number."""

_FORMAT = "tallystick.model"
_VERSION = re.compile(r"[0-9a-f]{64}")
_FLOATS = ("threshold", "values", "leaves")


def _arrays(forest: Forest | None) -> dict[str, np.ndarray[Any, Any]]:
    if forest is None:
        return {}
    names = Forest.__struct_fields__
    return {name: np.ascontiguousarray(getattr(forest, name), dtype=_dtype(name)) for name in names}


def _dtype(name: str) -> str:
    return "<f8" if name in _FLOATS else "<i8"


def _array_hashes(arrays: Mapping[str, np.ndarray[Any, Any]]) -> dict[str, dict[str, Any]]:
    """SHA-256 of the values as little-endian bytes, and the length: the zip around them does not count."""
    return {
        name: {"sha256": hashlib.sha256(array.tobytes()).hexdigest(), "dtype": _dtype(name), "length": int(array.size)}
        for name, array in arrays.items()
    }


def _card_bytes(card: Mapping[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(card, order="sorted"), indent=1)


def _version_of(definition: Any, arrays: Any, card_sha256: str) -> str:
    return content_version("model", {"definition": definition, "arrays": arrays, "card": card_sha256}, SEMANTICS)


def model_version(definition: Definition, forest: Forest | None, card: Mapping[str, Any]) -> str:
    """The content version of a model: its definition, the bytes of its arrays, and its card."""
    hashes = _array_hashes(_arrays(forest))
    return _version_of(msgspec.to_builtins(definition), hashes, hashlib.sha256(_card_bytes(card)).hexdigest())


def write_model(model: Model, folder: str | Path) -> str:
    """Write `model` to folder/<name>/<version>/ and give its version; the folder appears whole or not at all."""
    arrays = _arrays(model.forest)
    card = _card_bytes(model.card)
    content = {
        "definition": msgspec.to_builtins(model.definition),
        "arrays": _array_hashes(arrays),
        "card_sha256": hashlib.sha256(card).hexdigest(),
    }
    version = _version_of(content["definition"], content["arrays"], str(content["card_sha256"]))
    text = msgspec.json.encode({"format": _FORMAT, "semantics": SEMANTICS, "version": version, **content}, order=None)
    home = Path(folder) / model.name
    home.mkdir(parents=True, exist_ok=True)
    target = home / version
    if target.exists():
        return load(target).version
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, **arrays)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=home))
    try:
        for name, body in (
            ("model.json", msgspec.json.format(text, indent=1)),
            ("arrays.npz", packed.getvalue()),
            ("card.json", card),
        ):
            with (draft / name).open("wb") as out:
                out.write(body)
                out.flush()
                os.fsync(out.fileno())
        draft.chmod(0o755)
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return version


def load(path: str | Path) -> Model:
    """Open a stored model and check every byte of it.

    Parameters
    ----------
    path
        The folder of one version. It may come from a stranger: it holds numbers and text only.

    Returns
    -------
    Model

    Raises
    ------
    StateError
        When there is no model there, or one of a meaning that this release does not know.
    TamperError
        When anything is not what was written.
    """
    folder = Path(path)
    place = Place(str(folder))
    if not (folder / "model.json").is_file():
        raise StateError(WORDS("store.absent"), place)
    try:
        head = msgspec.json.decode((folder / "model.json").read_bytes())
        card = (folder / "card.json").read_bytes()
        packed = (folder / "arrays.npz").read_bytes()
        if head["format"] == _FORMAT and head["semantics"] != SEMANTICS:
            raise StateError(WORDS("store.semantics", given=head["semantics"], known=SEMANTICS), place)
        return _open(folder, head, card, packed)
    except (
        OSError,
        KeyError,
        TypeError,
        ValueError,
        OverflowError,
        EOFError,
        zipfile.BadZipFile,
        msgspec.MsgspecError,
        InputError,
    ) as error:
        raise TamperError(WORDS("store.tampered", what=f"{type(error).__name__}: {error}"), place) from None


def _open(folder: Path, head: dict[str, Any], card: bytes, packed: bytes) -> Model:
    with np.load(io.BytesIO(packed), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    version = _version_of(head["definition"], head["arrays"], head["card_sha256"])
    named = folder.name if _VERSION.fullmatch(folder.name) else version
    for what, same in (
        ("model.json", head["format"] == _FORMAT and head["version"] == version == named),
        ("card.json", hashlib.sha256(card).hexdigest() == head["card_sha256"]),
        ("arrays.npz", all(a.dtype.str == _dtype(n) and a.ndim == 1 for n, a in arrays.items())),
        ("arrays.npz", _array_hashes(arrays) == head["arrays"]),
    ):
        if not same:
            raise TamperError(WORDS("store.tampered", what=what), Place(str(folder)))
    definition = msgspec.convert(head["definition"], Definition)
    forest = Forest(**arrays) if arrays else None
    if not _sound(definition, forest):
        raise TamperError(WORDS("store.tampered", what="model.json"), Place(str(folder)))
    return Model(definition, forest, msgspec.json.decode(card), version)


def _sound(definition: Definition, forest: Forest | None) -> bool:
    """Whether every table has the lengths that the kernels rely on: even a forged model reads no foreign memory."""
    if definition.trees != (forest is not None) or (forest is not None and not forest.check(len(definition.features))):
        return False
    calibration, card, width = definition.calibration, definition.scorecard, len(definition.features)
    if len(definition.baseline) != width:
        return False
    if calibration.kind == "isotonic" and len(calibration.pds) != len(calibration.cuts) + 1:
        return False
    if card is None:
        return True
    if not len(card.variables) == len(card.points) == len(card.slopes) == width:
        return False
    return all(
        len(v.woe) == len(v.rows) == len(v.events) == len(points) == len(v.edges) + 2 and v.feature == feature
        for v, points, feature in zip(card.variables, card.points, definition.features, strict=True)
    )
