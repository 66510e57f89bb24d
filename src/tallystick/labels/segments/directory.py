"""The directory of an entity's keys: each key has a number, given once and never again to another."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray
from pyroaring import BitMap, FrozenBitMap

from tallystick.core import InputError, Place, StateError
from tallystick.labels.segments.words import WORDS
from tallystick.store import atomic_write, read_bytes

Numbers: TypeAlias = NDArray[np.uint32]
KEYS_MAX = 2**32
_FILE = re.compile(r"\d{6}\.keys")
_KEYS_A_BLOCK = 100_000


class _Registered(msgspec.Struct, frozen=True, array_like=True):
    """One registration: what was known from `k` on; `keys` (Parquet) are new and take the numbers from `first`."""

    k: int
    first: int
    keys: bytes
    seen: bytes


class Directory:
    """The keys of one entity, numbered from 0 in the order in which they were registered.

    A registration says that its keys are known from an instant k on, so `known(k)` is the same whenever it is asked:
    a key registered for a later k is not in it.

    Parameters
    ----------
    folder
        Where the registrations lie; made by the first.
    entity
        Whose keys.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     directory = Directory(Path(folder), "customer")
    ...     _ = directory.register(pl.Series(["b", "a"]), 10)
    ...     directory.register(pl.Series(["c", "a"]), 20).tolist(), len(directory.known(10)), len(directory.known(20))
    ([2, 0], 2, 3)
    """

    def __init__(self, folder: Path, entity: str) -> None:
        self.folder, self.entity = folder, entity
        self._keys = pl.Series("key", [], dtype=pl.Null())
        self._seen: list[tuple[int, FrozenBitMap]] = []
        self.refresh()

    def __len__(self) -> int:
        return self._keys.len()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Directory) and (self.folder, self.entity) == (other.folder, other.entity)

    def __hash__(self) -> int:
        return hash((self.folder, self.entity))

    def __str__(self) -> str:
        return f"{self.entity} ({self.folder.name})"

    def refresh(self) -> None:
        """Take in what another process has registered since."""
        names = sorted(path.name for path in self.folder.iterdir()) if self.folder.is_dir() else []
        for name in [name for name in names if _FILE.fullmatch(name)][len(self._seen) :]:
            path = self.folder / name
            try:
                found = msgspec.msgpack.decode(read_bytes(path), type=_Registered)
                seen = FrozenBitMap.deserialize(found.seen)
                fresh = pl.read_parquet(io.BytesIO(found.keys))["key"] if found.keys else self._keys[:0]
                if found.first != len(self):
                    raise ValueError(f"{found.first} != {len(self)}")
            except (msgspec.DecodeError, ValueError, pl.exceptions.PolarsError) as error:
                raise StateError(WORDS("segments.file", detail=str(error)), Place(str(path))) from None
            self._take(found.k, fresh, seen)

    def register(self, keys: pl.Series, k: int) -> Numbers:
        """Number keys that are known from `k` on, and give their numbers in the order of the keys.

        Parameters
        ----------
        keys
            Text or whole numbers, none null; a key may come twice.
        k
            Microseconds UTC.

        Raises
        ------
        InputError
            For keys of another type than the directory's, a missing key, or more than 2³² keys.
        """
        keys = self._typed(keys)
        different = keys.unique()
        numbers = self.numbers(different)
        new = different.filter(numbers.is_null()).sort()
        first, last = len(self), len(self) + new.len()
        if last > KEYS_MAX:
            raise InputError(WORDS("segments.keys_max", entity=self.entity, given=last, allowed=KEYS_MAX))
        seen = BitMap(numbers.drop_nulls().to_numpy().astype(np.uint32)) | BitMap(range(first, last))
        if not seen <= self.known(k):
            seen.run_optimize()
            packed = io.BytesIO()
            if new.len():
                new.rename("key").to_frame().write_parquet(packed)
            registered = _Registered(k, first, packed.getvalue(), seen.serialize())
            atomic_write(self.folder / f"{len(self._seen):06d}.keys", msgspec.msgpack.encode(registered))
            self._take(k, new, FrozenBitMap(seen))
        found: Numbers = self.numbers(keys).to_numpy().astype(np.uint32)
        return found

    def erase(self, instead: Mapping[str | int, str | int]) -> int:
        """Put other names in place of some keys, which keep their numbers; gives how many there were.

        A key that is registered again later takes a new number.

        Parameters
        ----------
        instead
            Key → what stands for it: text for text, a whole number for a whole number.
        """
        count = 0
        for path in sorted(path for path in self.folder.glob("*.keys") if _FILE.fullmatch(path.name)):
            found = msgspec.msgpack.decode(read_bytes(path), type=_Registered)
            keys = pl.read_parquet(io.BytesIO(found.keys)) if found.keys else pl.DataFrame({"key": []})
            hers = keys["key"].is_in(
                [key for key in instead if isinstance(key, str) == (keys["key"].dtype == pl.String)]
            )
            if hers.any():
                packed = io.BytesIO()
                renamed = [instead[key] if own else key for key, own in zip(keys["key"], hers, strict=True)]
                pl.DataFrame({"key": renamed}, schema=keys.schema).write_parquet(packed)
                whole = msgspec.structs.replace(found, keys=packed.getvalue())
                atomic_write(path, msgspec.msgpack.encode(whole))
                count += int(hers.sum())
        self._keys, self._seen = pl.Series("key", [], dtype=pl.Null()), []
        self.refresh()
        return count

    def numbers(self, keys: pl.Series) -> pl.Series:
        """The numbers of keys (UInt32), null where a key is not registered."""
        if not len(self):
            return pl.Series("number", [None] * keys.len(), dtype=pl.UInt32())
        known = pl.DataFrame({"key": self._keys, "number": np.arange(len(self), dtype=np.uint32)})
        asked = pl.DataFrame({"key": self._typed(keys)})
        return asked.join(known, on="key", how="left", maintain_order="left")["number"]

    def keys(self, numbers: Numbers) -> Iterator[str | int]:
        """The keys of numbers, in their order, some at a time."""
        for start in range(0, numbers.size, _KEYS_A_BLOCK):
            yield from self._keys.gather(numbers[start : start + _KEYS_A_BLOCK]).to_list()

    def frame(self, numbers: Numbers) -> pl.DataFrame:
        """The keys of numbers as a frame with one column, named by the entity."""
        return self._keys.gather(numbers).rename(self.entity).to_frame()

    def known(self, k: int) -> FrozenBitMap:
        """The numbers of all keys known by `k`."""
        found = BitMap()
        for since, seen in self._seen:
            if since <= k:
                found |= seen
        return FrozenBitMap(found)

    def _take(self, k: int, fresh: pl.Series, seen: FrozenBitMap) -> None:
        if fresh.len():
            self._keys = fresh.rename("key") if not len(self) else pl.concat([self._keys, fresh.rename("key")])
        self._seen.append((k, seen))

    def _typed(self, keys: pl.Series) -> pl.Series:
        held = keys.cast(pl.Int64()) if keys.dtype.is_integer() and keys.dtype != pl.UInt64() else keys
        allowed = (self._keys.dtype,) if len(self) else (pl.String(), pl.Int64())
        if held.null_count() or (held.dtype not in allowed and held.len()):
            given = f"{keys.dtype} ({keys.null_count()} null)"
            words = WORDS("segments.keys", entity=self.entity, given=given, allowed=", ".join(map(str, allowed)))
            raise InputError(words)
        return held if held.len() else held.cast(allowed[0], strict=False)
