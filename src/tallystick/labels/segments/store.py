"""Segments: who has which label values, as Roaring bitmaps; versioned and as-of like a label."""

from __future__ import annotations

import difflib
import fcntl
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from pyroaring import BitMap, FrozenBitMap

from tallystick import feel
from tallystick.core import (
    DefinitionError,
    InputError,
    Instant,
    Place,
    StateError,
    TallystickError,
    content_version,
    format_instant,
)
from tallystick.labels.library import Library
from tallystick.labels.segments.directory import Directory
from tallystick.labels.segments.members import Build, Members, Overlap, Segment, overlap
from tallystick.labels.segments.words import WORDS
from tallystick.store import atomic_write, read_bytes

__all__ = ["Build", "Members", "Overlap", "Segment", "Segments", "define", "overlap"]

SEMANTICS = 1
_FILE = re.compile(r"\d{6}\.segment")
_KEYS_AT_ONCE = 2_000_000


class _File(msgspec.Struct, frozen=True, array_like=True):
    build: Build
    digest: str
    members: int


def define(library: Library, name: str, entity: str, condition: str) -> Segment:
    """What a segment means by the labels of a library.

    Parameters
    ----------
    library
        Its labels stand in the condition by name.
    name
        An identifier.
    entity
        Whose keys are the members; every label that is read must be of it alone.
    condition
        FEEL, such as `spend_30d > 500 and merchants_30d >= 3`; a missing label is null in it.

    Raises
    ------
    DefinitionError
        For a name that is none, an unknown entity or label, a label of another entity, or a condition that is no FEEL.
    """
    _identifier(name)
    if entity not in library.entities:
        words = WORDS("segments.entity_none", name=name, given=entity, allowed=", ".join(library.entities))
        raise DefinitionError(words)
    try:
        read = sorted(feel.names_in(feel.parse(condition, library.labels)))
    except TallystickError as error:
        if error.code == "feel.name":
            given = str(error.message.params.get("given"))
            near = ", ".join(difflib.get_close_matches(given, library.labels, n=3, cutoff=0.4)) or "-"
            raise DefinitionError(WORDS("segments.label", name=name, given=given, allowed=near)) from None
        detail = error.message.text()
        raise DefinitionError(WORDS("segments.condition", name=name, given=condition, detail=detail)) from None
    if not read:
        raise DefinitionError(WORDS("segments.no_label", name=name, given=condition))
    for label in read:
        others = [other for other in library.labels[label].entities if other != entity]
        if others:
            words = WORDS("segments.entity", name=name, label=label, given=", ".join(others), entity=entity)
            raise DefinitionError(words)
    versions = {label: library.versions[label] for label in read}
    content = {"entity": entity, "condition": condition, "labels": versions, "zone": library.zone}
    return Segment(name, entity, condition, versions, content_version("segment", content, SEMANTICS))


class Segments:
    """The segments of a folder: one process builds at a time, any number read.

    Parameters
    ----------
    folder
        Made by the first build.

    Examples
    --------
    >>> import tempfile
    >>> from tallystick.labels import Entity, Events
    >>> customer = Entity("customer")
    >>> visits = Events("visits", id="id", at="at", keys={customer: "who"})
    >>> library = Library({"visits_all": visits.per(customer).count().over("lifetime")}, {"visits": visits})
    >>> facts = {"visits": pl.DataFrame({"id": [1, 2, 3], "at": [10, 20, 30], "who": ["a", "a", "b"]})}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store, keys = Segments(folder), pl.Series(["a", "b", "c"])
    ...     often = store.build(library, define(library, "often", "customer", "visits_all >= 2"), keys, 30, facts=facts)
    ...     seen = store.build(library, define(library, "seen", "customer", "visits_all > 0"), keys, 30, facts=facts)
    ...     list((seen - often).keys()), list((~seen).keys()), overlap(often, seen).jaccard
    (['b'], ['c'], 0.5)
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self._directories: dict[str, Directory] = {}
        self._headers: dict[Path, _File] = {}

    def directory(self, entity: str) -> Directory:
        """The keys of an entity, with what another process has registered by now."""
        if entity not in self._directories:
            self._directories[entity] = Directory(self.folder / "keys" / _identifier(entity), entity)
        directory = self._directories[entity]
        directory.refresh()
        return directory

    def build(
        self,
        library: Library,
        segment: Segment,
        keys: pl.Series | Iterable[str | int],
        t: Instant,
        k: Instant | None = None,
        facts: Mapping[str, pl.DataFrame] | None = None,
    ) -> Members:
        """Find and keep the members of a segment among `keys` at (t, k).

        Parameters
        ----------
        library
            The labels that the segment was defined on.
        segment
            From `define`.
        keys
            The keys to ask, each once or more, none null.
        t, k
            Microseconds UTC; k is t when it is not given.
        facts
            As for `Library.at`.

        Returns
        -------
        Members
            With `build`. The same build again changes nothing.

        Raises
        ------
        InputError
            For keys of another type, labels whose meaning has changed, or a condition that is no flag.
        StateError
            When the segment was served for (t, k) with other members, or another process builds.
        """
        k = t if k is None else k
        _hold_versions(library, segment)
        asked = pl.Series(segment.entity, keys if isinstance(keys, pl.Series) else list(keys)).unique().sort()
        with self._lock():
            earlier = self.builds(segment.name)
            if earlier and earlier[-1].segment.entity != segment.entity:
                entity = earlier[-1].segment.entity
                words = WORDS("segments.entity_other", name=segment.name, given=segment.entity, allowed=entity)
                raise InputError(words)
            directory = self.directory(segment.entity)
            found = [
                _answers(library, segment, part, t, k, facts) for part in asked.to_frame().iter_slices(_KEYS_AT_ONCE)
            ]
            numbers = directory.register(asked, k)
            answers = pl.concat(found) if found else pl.Series([], dtype=pl.Boolean())
            members = BitMap(np.sort(numbers[answers.fill_null(False).to_numpy()]))
            members.run_optimize()
            build = Build(segment, t, k, len(earlier), len(members), asked.len(), answers.null_count())
            made = Members(directory, FrozenBitMap(members), directory.known(k), build)
            for before in earlier:
                if (before.segment.version, before.t, before.k) == (segment.version, t, k):
                    return self._again(before, made)
            self._write(made)
        return made

    def at(self, name: str, t: Instant, k: Instant | None = None, version: str = "") -> Members:
        """The members by the latest build for a point up to (t, k), of one version if it is given.

        Raises
        ------
        InputError
            For a segment that was never built, or not by then, or not of that version.
        """
        k = t if k is None else k
        builds = self.builds(name)
        if not builds:
            raise InputError(WORDS("segments.unknown", given=name, allowed=", ".join(self.names()) or "-"))
        if version:
            known = dict.fromkeys(build.segment.version for build in builds)
            builds = [build for build in builds if build.segment.version.startswith(version)]
            if not builds:
                allowed = ", ".join(each[:12] for each in known)
                raise InputError(WORDS("segments.version", given=name, version=version, allowed=allowed))
        then = [build for build in builds if build.t <= t and build.k <= k]
        if not then:
            first = format_instant(min(build.t for build in builds))
            shown = {"t": format_instant(t), "k": format_instant(k), "first": first}
            raise InputError(WORDS("segments.none_by_then", given=name, **shown))
        return self._read(max(then, key=lambda build: (build.t, build.k, build.number)))

    def latest(self, name: str) -> Members:
        """The members by the build for the latest point."""
        far = 2**63 - 1
        return self.at(name, far, far)

    def erase(self, entity: str, instead: Mapping[str | int, str | int]) -> int:
        """Put other names in place of some keys of an entity; gives how many there were.

        The members of every build stay in number: who they were is no longer told.

        Parameters
        ----------
        entity
            Whose directory.
        instead
            Key → what stands for it, of the same type.

        Raises
        ------
        StateError
            When another process builds.
        """
        if not (self.folder / "keys" / entity).is_dir():
            return 0
        with self._lock():
            return self.directory(entity).erase(instead)

    def names(self) -> tuple[str, ...]:
        """The segments that were built, sorted."""
        folder = self.folder / "built"
        return tuple(sorted(path.name for path in folder.iterdir())) if folder.is_dir() else ()

    def builds(self, name: str) -> list[Build]:
        """Every build of a segment, in the order in which they were made; none for a name that is unknown."""
        folder = self.folder / "built" / name
        if not name.isidentifier() or not folder.is_dir():
            return []
        paths = sorted(path for path in folder.iterdir() if _FILE.fullmatch(path.name))
        return [self._header(path).build for path in paths]

    def _path(self, build: Build) -> Path:
        return self.folder / "built" / build.segment.name / f"{build.number:06d}.segment"

    def _write(self, made: Members) -> None:
        assert made.build is not None
        members, known = made.bitmap.serialize(), made.known.serialize()
        header = msgspec.msgpack.encode(_File(made.build, _digest(members + known), len(members)))
        atomic_write(self._path(made.build), len(header).to_bytes(4) + header + members + known)

    def _header(self, path: Path) -> _File:
        if path not in self._headers:
            with path.open("rb") as file:
                try:
                    self._headers[path] = msgspec.msgpack.decode(file.read(int.from_bytes(file.read(4))), type=_File)
                except msgspec.DecodeError as error:
                    raise StateError(WORDS("segments.file", detail=str(error)), Place(str(path))) from None
        return self._headers[path]

    def _read(self, build: Build) -> Members:
        path = self._path(build)
        header, data = self._header(path), read_bytes(path)
        body = data[4 + int.from_bytes(data[:4]) :]
        if _digest(body) != header.digest:
            raise StateError(WORDS("segments.file", detail="SHA-256"), Place(str(path)))
        members = FrozenBitMap.deserialize(body[: header.members])
        known = FrozenBitMap.deserialize(body[header.members :])
        return Members(self.directory(build.segment.entity), members, known, build)

    def _again(self, before: Build, made: Members) -> Members:
        """The build that was served, which a rebuild must equal."""
        kept = self._read(before)
        assert made.build is not None
        if kept != made or (before.asked, before.missing) != (made.build.asked, made.build.missing):
            shown = {"t": format_instant(before.t), "k": format_instant(before.k)}
            sizes = {"given": f"{before.size} / {before.asked}", "size": f"{made.size} / {made.build.asked}"}
            raise StateError(WORDS("segments.served", name=before.segment.name, **shown, **sizes))
        return kept

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise StateError(WORDS("segments.busy", given=str(self.folder))) from None
            yield


def _answers(
    library: Library,
    segment: Segment,
    keys: pl.DataFrame,
    t: Instant,
    k: Instant,
    facts: Mapping[str, pl.DataFrame] | None,
) -> pl.Series:
    """The condition at (t, k) for each key: true, false or null."""
    points = keys.with_columns(t=pl.lit(t, pl.Int64()), k=pl.lit(k, pl.Int64()))
    names = list(segment.labels)
    schema = {name: library.labels[name].type for name in names}
    values = library.at(points, labels=names, facts=facts)
    found = feel.compile_columns(segment.condition, schema, library.zone)(values)
    if found.dtype == pl.Boolean():
        return found
    for value in found:
        if value is not None and not isinstance(value, bool):
            raise InputError(
                WORDS("segments.flag", name=segment.name, given=segment.condition, value=feel.show(feel.lift(value)))
            )
    return pl.Series(found.to_list(), dtype=pl.Boolean())


def _hold_versions(library: Library, segment: Segment) -> None:
    for label, version in segment.labels.items():
        today = library.versions.get(label, "-")
        if today != version:
            shown = {"given": version[:12], "allowed": today[:12]}
            raise InputError(WORDS("segments.stale", name=segment.name, label=label, **shown))


def _identifier(given: str) -> str:
    if not given.isidentifier():
        raise DefinitionError(WORDS("segments.name", given=given))
    return given


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
