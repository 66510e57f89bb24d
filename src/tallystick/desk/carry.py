"""What a proof carries so that its decision can be taken again elsewhere: model, decision tables and setting.

The record names the version of each file, and the setting the digest of the tables: no byte of them can be another.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tallystick import decisions, models
from tallystick.core import Field, FieldType, InputError, TallystickError, TamperError, jcs
from tallystick.desk.champion import Judge, Setting, champion_of, setting_of
from tallystick.desk.evidence_words import WORDS
from tallystick.desk.frames import DecisionRecord
from tallystick.desk.project import Project
from tallystick.store import read_bytes

SETTING, MODEL, TABLES = "setting.json", "model.tally", "decision/"


def carried_files(project: Project, record: DecisionRecord) -> dict[str, bytes]:
    """The files that a recorded decision can be taken again from.

    Parameters
    ----------
    project
        The definitions; those of the decision's time are found by the versions that it names.
    record
        The decision.

    Returns
    -------
    dict
        `setting.json`, `model.tally`, and in `decision/` the file of the decision and those that it imports.

    Raises
    ------
    StateError
        When a version that the decision names is no longer kept.
    """
    then, champion = champion_of(project, record)
    model = then.registry().path(champion.flow.model, champion.model.version)
    files = {SETTING: jcs(msgspec.to_builtins(setting_of(champion))), MODEL: read_bytes(model)}
    return files | {f"{TABLES}{name}": data for name, data in champion.tables.sources}


def open_carried(files: Mapping[str, bytes], versions: Mapping[str, str]) -> Judge:
    """What judges, made of carried files alone; nothing in them can run.

    Parameters
    ----------
    files
        By name, as a proof carries them.
    versions
        Those that the decision's record names.

    Raises
    ------
    InputError
        When nothing is carried.
    TamperError
        When a file is missing, is one too many, is not as it was packed, or has another version.
    """
    if not files:
        raise InputError(WORDS("carried.none"))
    if not {SETTING, MODEL} <= set(files):
        raise TamperError(WORDS("carried.files", given=", ".join(sorted(files)), allowed=f"{SETTING}, {MODEL}"))
    setting = _setting(files[SETTING])
    _same(SETTING, setting.version, versions.get("setting", "-"))
    _check_tables(files, setting)
    first, _, decision = setting.decision.partition("#")
    with tempfile.TemporaryDirectory() as folder:
        model = _model(Path(folder), files[MODEL], versions.get("model", "-"))
        tables = _tables(Path(folder), files, first)
    _same(f"{TABLES}{first}", tables.version, versions.get("decision", "-"))
    if decision not in tables.decisions:
        raise TamperError(WORDS("carried.vector", file=SETTING, detail=decision))
    return Judge(
        model=model,
        tables=tables,
        decision_name=decision,
        decision_inputs=tuple(item.name for item in tables.inputs(decision)),
        label_types={name: FieldType.parse(kind) for name, kind in setting.labels.items()},
        fields={name: Field(name, FieldType.parse(kind)) for name, kind in setting.fields.items()},
        zone=setting.zone,
        money=FieldType.parse(setting.money),
    )


def _setting(data: bytes) -> Setting:
    try:
        setting = msgspec.json.decode(data, type=Setting)
        same = jcs(msgspec.to_builtins(setting)) == data
    except (msgspec.MsgspecError, UnicodeError, InputError) as error:
        raise TamperError(WORDS("carried.form", file=SETTING, detail=str(error))) from None
    if not same:
        raise TamperError(WORDS("carried.form", file=SETTING, detail="RFC 8785"))
    return setting


def _model(folder: Path, data: bytes, version: str) -> models.Model:
    path = folder / MODEL
    path.write_bytes(data)
    try:
        model = models.load(path)
    except TallystickError as error:
        raise TamperError(WORDS("carried.form", file=MODEL, detail=error.message.text("en"))) from None
    if not isinstance(model, models.Model):
        raise TamperError(WORDS("carried.form", file=MODEL, detail=type(model).__name__))
    _same(MODEL, model.version, version)
    return model


def _check_tables(files: Mapping[str, bytes], setting: Setting) -> None:
    """Refuse tables that are not those of the setting, byte by byte, and any other file."""
    names = {f"{TABLES}{name}" for name in setting.tables}
    if set(files) != {SETTING, MODEL, *names}:
        allowed = ", ".join((SETTING, MODEL, *sorted(names)))
        raise TamperError(WORDS("carried.files", given=", ".join(sorted(files)), allowed=allowed))
    for name, digest in setting.tables.items():
        _same(f"{TABLES}{name}", hashlib.sha256(files[f"{TABLES}{name}"]).hexdigest(), digest)


def _tables(folder: Path, files: Mapping[str, bytes], first: str) -> decisions.Model:
    home = folder / TABLES
    home.mkdir()
    try:
        for name, data in files.items():
            if name.startswith(TABLES):
                # The name alone: whatever a file says of itself, it is written here.
                (home / Path(name).name).write_bytes(data)
        return decisions.load(home / Path(first).name)
    except (TallystickError, OSError, ValueError) as error:
        detail = error.text("en") if isinstance(error, TallystickError) else str(error)
        raise TamperError(WORDS("carried.form", file=f"{TABLES}{first}", detail=detail)) from None


def _same(file: str, given: str, allowed: str) -> None:
    if given != allowed:
        raise TamperError(WORDS("carried.version", file=file, given=given[:12], allowed=allowed[:12]))
