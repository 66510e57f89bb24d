"""An append-only log of opaque frames on a PostgreSQL server: several writers, one order.

The writers take turns. A turn is a lease that the server's clock ends, with an epoch that rises whenever somebody takes
it. An append is one statement that holds only in the writer's own turn; a writer that was stopped for longer than its
lease finds another epoch, and nothing that it offers is written. No transaction stays open between two statements, so a
stopped writer locks nobody out.

A row is a batch as `segment` encodes it, chained to the one before, so that a changed byte, a missing row and a
shortened table show.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, LiteralString

import psycopg
from psycopg.conninfo import conninfo_to_dict

from tallystick.core import Place, StateError, TamperError
from tallystick.store import segment
from tallystick.store.appendlog import Recovery
from tallystick.store.logs import LEASE_S
from tallystick.store.words import WORDS

_WAIT_S = (0.001, 0.02)
_ROWS = 32
_PORTION = 2_000
"""How many frames of others are read at a time; a turn is not kept for reading more."""
_SCHEMA = """
select pg_advisory_xact_lock(7236834);
create table if not exists tallystick_journal (
    first bigint primary key, batch bytea not null);
create table if not exists tallystick_turn (
    one boolean primary key default true check (one),
    position bigint not null, digest bytea not null, epoch bigint not null, holder bytea, until timestamptz not null,
    wanted bytea, wanted_until timestamptz not null);
insert into tallystick_turn values (true, 0, decode(repeat('00', 32), 'hex'), 0, null, '-infinity', null, '-infinity')
    on conflict do nothing;
"""
# Who takes a turn, or ends it, need not wait for the disk: the commit of what is appended in it does.
_QUICK = "with quick as materialized (select set_config('synchronous_commit', 'off', true))"
_SPAN = "clock_timestamp() + make_interval(secs => %(lease)s)"
_TAKE = f"""
{_QUICK}
update tallystick_turn
    set epoch = epoch + 1, holder = %(me)s, until = {_SPAN}, wanted = nullif(wanted, %(me)s)
    from quick
    where (holder is null or until < clock_timestamp())
        and (wanted is null or wanted = %(me)s or wanted_until < clock_timestamp())
    returning epoch, position, digest"""
_WANT = f"""
{_QUICK}
update tallystick_turn set wanted = %(me)s, wanted_until = clock_timestamp() + interval '1 second' from quick
    where wanted is null or wanted_until < clock_timestamp()
        or (wanted = %(me)s and wanted_until < clock_timestamp() + interval '0.5 second')"""
_KEEP = f"{_QUICK} update tallystick_turn set until = {_SPAN} from quick where epoch = %(epoch)s and holder = %(me)s"
_LEAVE = f"{_QUICK} update tallystick_turn set holder = null from quick where epoch = %(epoch)s and holder = %(me)s"
_APPEND = """
with turn as (
    update tallystick_turn set position = position + %(count)s, digest = %(digest)s, holder = null
    where epoch = %(epoch)s and holder = %(me)s and position = %(first)s and digest = %(previous)s
    returning 1)
insert into tallystick_journal select %(first)s, %(batch)s from turn"""
_HEAD = "select position, digest from tallystick_turn"
_BEFORE = "select first, batch from tallystick_journal where first < %(at)s order by first desc limit 1"
_FROM = f"select first, batch from tallystick_journal where first >= %(at)s order by first limit {_ROWS}"


class PostgresLog:
    """The log of a team: what `AppendLog` is in a folder, on a server that gives the positions.

    Parameters
    ----------
    url
        `postgresql://user@host:port/database`; the tables are made when they are missing and `write` is true.
    write
        False reads, and makes nothing.
    lease_s
        For how long a writer keeps its turn without a sign of life, in seconds; `take` gives signs of life.

    Raises
    ------
    StateError
        When the server cannot be reached, there is no log to read, this writer lost its turn, or a write failed before.
    TamperError
        When a row is not what was written, or is missing.
    """

    shared = True
    recovered: Recovery | None = None
    """Always None: the server never shows half a batch."""

    def __init__(self, url: str, *, write: bool = True, lease_s: float = LEASE_S) -> None:
        self.place = _shown(url)
        self._write, self._failure, self._position, self._digest = write, "", 0, segment.GENESIS
        self._lease_s, self._epoch, self._asked_s = lease_s, 0, 0.0
        self._me = os.urandom(16)
        try:
            self._server = psycopg.connect(url, autocommit=True, connect_timeout=10)
        except psycopg.Error as error:
            raise self._unreachable(error) from error
        try:
            if write:
                self._server.execute(_SCHEMA)
            self._position, self._digest = self._end(self._server.execute(_HEAD, binary=True))
        except psycopg.errors.UndefinedTable:
            self.close()
            raise StateError(WORDS("log.absent"), Place(self.place)) from None
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        """How many frames this log knows of, which is the next position: those at opening, and those of its turns."""
        return self._position

    @property
    def turn(self) -> bool:
        """Whether this writer has taken the turn and not ended it."""
        return bool(self._epoch)

    def take(self) -> list[tuple[int, bytes]]:
        """Wait for the turn and take it; gives the frames that other writers have appended, with their positions.

        Where they are more than can be read within a turn, it gives a portion and leaves the turn to others: call it
        again until `turn`. In the own turn it gives nothing and is a sign of life. The turn ends with `append` or
        `release`.

        Raises
        ------
        StateError
            When this log cannot write, or the turn was lost.
        """
        self._ready()
        if self._epoch:
            if time.monotonic() - self._asked_s > self._lease_s / 3 and not self._execute(_KEEP).rowcount:
                raise self._fenced()
            return []
        pause_s, most_s = _WAIT_S
        while True:
            self._asked_s = time.monotonic()
            row = self._execute(_TAKE).fetchone()
            if row is not None:
                self._epoch, position, digest = row
                if position > self._position + _PORTION:
                    self.release()
                return self._follow(position, digest)
            self._execute(_WANT)
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, most_s)

    def catch_up(self) -> list[tuple[int, bytes]]:
        """A portion of the frames that other writers have appended since, without a turn; nothing when that is all."""
        return [] if self._epoch else self._follow(*self._head())

    def release(self) -> None:
        """End the turn without an append."""
        if self._epoch and not self._failure:
            self._execute(_LEAVE)
        self._epoch = 0

    def append(self, frames: Sequence[bytes]) -> int:
        """Write the frames as one batch, in the own turn (which it takes if need be), and end it.

        Returns the position of the first. When this returns, the server has flushed the frames to its disk. When it
        raises, none of them is acknowledged, and the log takes no more.

        Raises
        ------
        StateError
            When the log is read only, a write failed now or before, or the turn was lost: another writer has it.
        """
        self.take()
        while not self.turn:
            self.take()
        first = self._position
        if not frames:
            self.release()
            return first
        batch, digest = segment.encode(first, frames, self._digest)
        written = self._execute(
            _APPEND, first=first, count=len(frames), batch=batch, digest=digest, previous=self._digest
        )
        if written.rowcount != 1:
            raise self._fenced()
        self._position, self._digest, self._epoch = first + len(frames), digest, 0
        return first

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, bytes]]:
        """The frames from position `start` up to `stop` (not included), in order; of a writer those it knows of.

        Every batch that is given out was checked, and that none is missing.
        """
        if self._write:
            stop = self._position if stop is None else min(stop, self._position)
            expected = (self._position, self._digest)
        else:
            expected = self._head()
        before = self._execute(_BEFORE, at=start + 1).fetchone()
        position = before[0] if before is not None else 0
        earlier = self._execute(_BEFORE, at=position).fetchone()
        previous = segment.digest_of(earlier[1]) if earlier is not None else segment.GENESIS
        if earlier is None and position:
            raise self._missing(0, position)
        for batch in self._batches(position, previous, expected, stop):
            for at, frame in enumerate(batch.frames(), batch.first):
                if stop is not None and at >= stop:
                    return
                if at >= start:
                    yield at, frame

    def check(self) -> int:
        """Check every byte of every batch and return how many frames there are; raises `TamperError`."""
        return sum(1 for _ in self.read())

    def close(self) -> None:
        """End the turn and leave the server."""
        try:
            if self._epoch and not self._failure:
                self.release()
        finally:
            self._server.close()

    def __enter__(self) -> PostgresLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ready(self) -> None:
        if not self._write:
            raise StateError(WORDS("log.readonly"), Place(self.place))
        if self._server.closed and not self._failure:
            raise StateError(WORDS("log.closed"), Place(self.place))
        if self._failure:
            raise StateError(WORDS("log.failed", why=self._failure), Place(self.place))

    def _execute(self, statement: LiteralString, **given: Any) -> psycopg.Cursor[Any]:
        mine = {"me": self._me, "epoch": self._epoch, "lease": self._lease_s}
        try:
            return self._server.execute(statement, mine | given, binary=True)
        except psycopg.Error as error:
            self._failure = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise StateError(WORDS("log.failed", why=self._failure), Place(self.place)) from error

    def _head(self) -> tuple[int, bytes]:
        return self._end(self._execute(_HEAD))

    def _end(self, found: psycopg.Cursor[Any]) -> tuple[int, bytes]:
        row = found.fetchone()
        if row is None:
            raise StateError(WORDS("log.absent"), Place(self.place))
        return row[0], bytes(row[1])

    def _follow(self, position: int, digest: bytes) -> list[tuple[int, bytes]]:
        """Read a portion on to where the log stands now, and hold it against what this writer knew."""
        expected = (position, bytes(digest))
        if position <= self._position and expected != (self._position, self._digest):
            raise TamperError(WORDS("log.head", given=position), Place(self.place))
        found, end = list[tuple[int, bytes]](), (self._position, self._digest)
        for batch in self._batches(self._position, self._digest, expected, position):
            found += enumerate(batch.frames(), batch.first)
            end = batch.first + batch.count, batch.digest
            if len(found) >= _PORTION:
                break
        self._position, self._digest = end
        return found

    def _batches(
        self, position: int, previous: bytes, expected: tuple[int, bytes], stop: int | None
    ) -> Iterator[segment.Batch]:
        """The batches from `position` on, chained; at `expected` position the hash must be the expected one."""
        while stop is None or position < stop:
            rows = self._execute(_FROM, at=position).fetchall()
            for first, data in rows:
                if first != position:
                    raise self._missing(position, first)
                batch = segment.decode(bytes(data), first, previous, f"{self.place} batch {first}")
                position, previous = batch.first + batch.count, batch.digest
                if position == expected[0] and previous != expected[1]:
                    raise TamperError(WORDS("log.head", given=position), Place(self.place))
                yield batch
                if stop is not None and position >= stop:
                    break
            if len(rows) < _ROWS:
                break
        if position < min(expected[0], expected[0] if stop is None else stop):
            raise self._missing(position, expected[0])

    def _missing(self, expected: int, found: int) -> TamperError:
        return TamperError(WORDS("log.row", expected=expected, given=found), Place(self.place))

    def _fenced(self) -> StateError:
        self._failure = "another writer has the turn"
        return StateError(WORDS("log.turn"), Place(self.place))

    def _unreachable(self, error: psycopg.Error) -> StateError:
        return StateError(WORDS("log.server", why=str(error).strip()), Place(self.place))


def _shown(url: str) -> str:
    """The address without user and password."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # What the driver says repeats the address, with the password in it.
        raise StateError(WORDS("log.address"), Place("postgresql://…")) from None
    return f"postgresql://{parts.get('host', '')}:{parts.get('port', 5432)}/{parts.get('dbname', '')}"
