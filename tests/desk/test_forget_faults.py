"""Forgetting that is stopped on the way, or meets other writers and a replica: it ends the same."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest
import redis
from tests.desk.forgetting import ASIDE, Her, Killed, found_in, spread, stop
from tests.services import PostgresServer, Server, free_port

from tallystick.core import StateError
from tallystick.desk import (
    Desk,
    decide,
    finish_forgetting,
    forget_subject,
    load_project,
    replay_decisions,
)
from tallystick.desk.evidence import check_frames, read_journal
from tallystick.desk.forget import erasures
from tallystick.desk.verification import verify_run
from tallystick.labels.replica import Publisher

Payment = Callable[..., dict[str, Any]]


@pytest.fixture
def her(bank: Path) -> Her:
    return Her(bank)


def test_killed_between_any_two_steps_and_called_again_it_ends_the_same(
    her: Her, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped at every fourth flush, rename or removal, and taken up again: all as if it had not been stopped."""
    spread(her)
    shutil.copytree(her.project.root, tmp_path / "whole")
    whole = load_project(tmp_path / "whole")
    expected = forget_subject(whole, her.id, "asked")
    left, stops = 0, 0

    def counting(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return call(*arguments, **options)

        return wrapped

    with monkeypatch.context() as patched:
        for name in ("replace", "unlink", "fsync", "fdatasync"):
            patched.setattr(os, name, counting(getattr(os, name)))
        while True:
            left = 4 + 4 * stops
            try:
                [*_, found] = finish_forgetting(her.project) or [forget_subject(her.project, her.id, "asked")]
                break
            except Killed:
                stops += 1
    assert stops > 8
    said, wanted = found.erasure, expected.erasure
    assert (said.counts, said.frames, said.subject, said.shared) == (
        wanted.counts, wanted.frames, wanted.subject, wanted.shared,
    )  # fmt: skip
    with read_journal(her.project) as journal:
        assert len(erasures(journal)) == 1
    for state in (her.project.state, her.project.root / ASIDE):
        assert found_in(state, her.names) == []
    assert her.project.lake().facts("payments").equals(whole.lake().facts("payments"))
    assert her.project.lake().quarantine().equals(whole.lake().quarantine())
    labels = [pl.read_parquet(project.state / "labels" / "payments.parquet") for project in (her.project, whole)]
    assert labels[0].equals(labels[1])
    assert verify_run(her.project, lambda *told: None).holds


def test_another_request_first_ends_what_was_begun(her: Her, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is left half forgotten because the next one came."""

    with monkeypatch.context() as patched:
        patched.setattr("tallystick.desk.forget.extend_ledger", stop)
        with pytest.raises(Killed):
            forget_subject(her.project, her.id, "asked")
    assert found_in(her.project.state, her.names) == ["forget"]
    other = her.project.lake().facts("payments").filter(~pl.col("customer_id").str.starts_with("~"))["customer_id"][0]
    forget_subject(her.project, other, "asked too")
    with read_journal(her.project) as journal:
        assert [erasure.reason for erasure in erasures(journal)] == ["asked", "asked too"]
    assert found_in(her.project.state, (*her.names, other)) == []
    assert finish_forgetting(her.project) == ()


def test_beside_a_writer_nothing_is_begun(her: Her) -> None:
    with Desk(her.project), pytest.raises(StateError) as caught:
        forget_subject(her.project, her.id, "asked")
    assert caught.value.code == "log.locked"
    assert not (her.project.state / "forget").exists()


def test_the_replica_in_redis_forgets_too(her: Her, redis_server: Server) -> None:
    """`[state] replica` names it: her names are gone there, and readers see what the desk's labels say."""
    project, url = her.project, f"redis://127.0.0.1:{redis_server.port}/3"
    settings = project.root / "tallystick.toml"
    settings.write_text(settings.read_text("utf-8") + f'\n[state]\nreplica = "{url}"\n', "utf-8")
    project = load_project(project.root)
    first = her.decisions[0].fact
    assert first is not None
    facts = project.lake().facts("payments").filter(pl.col("terminal_id") == first.fields["terminal_id"])
    events = facts.with_columns(pl.lit("payments").alias("stream")).to_dicts()
    assert any(event["customer_id"] == her.id for event in events)
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        Publisher(project.library, client).publish(events)

        def stored() -> bytes:
            whole = b""
            for key in client.scan_iter():
                value = client.hgetall(key) if client.type(key) == b"hash" else client.get(key)
                whole += key + str(value).encode()
            return whole

        assert all(name.encode() in stored() for name in her.names)
        count = client.dbsize()
        forget_subject(project, her.id, "asked")
        assert not any(name.encode() in stored() for name in her.names)
        assert client.dbsize() == count
        client.flushdb()


def test_a_replica_that_is_away_stops_it_and_it_goes_on_when_called_again(her: Her, redis_server: Server) -> None:
    """Nothing is taken for erased that was not; the address is shown without its password."""
    settings = her.project.root / "tallystick.toml"
    text = settings.read_text("utf-8")
    settings.write_text(text + f'\n[state]\nreplica = "redis://:secret@127.0.0.1:{free_port()}/0"\n', "utf-8")
    with pytest.raises(StateError, match="cannot be reached") as caught:
        forget_subject(load_project(her.project.root), her.id, "asked")
    assert "secret" not in caught.value.text("en")
    assert {"forget", "keys.db", "lake"} <= set(found_in(her.project.state, her.names))
    settings.write_text(text + f'\n[state]\nreplica = "redis://127.0.0.1:{redis_server.port}/0"\n', "utf-8")
    [found] = finish_forgetting(load_project(her.project.root))
    assert found.erasure.reason == "asked"
    assert found_in(her.project.state, her.names) == []


def test_beside_a_teams_writers_the_key_goes_all_the_same(
    bank: Path, payment: Payment, postgres_server: PostgresServer
) -> None:
    """The journal lies on a server and another desk is open: what it held under her key is lost, and it goes on."""
    with psycopg.connect(postgres_server.url, autocommit=True) as server:
        server.execute("create schema forgetting")
    state = bank / ".tallystick"
    for folder in ("journal", "ledger"):
        shutil.rmtree(state / folder)
    for path in state.glob("*.db*"):
        path.unlink()
    with (bank / "tallystick.toml").open("a") as settings:
        settings.write(f'\n[state]\njournal = "{postgres_server.url}?options=-csearch_path%3Dforgetting"\n')
    project = load_project(bank)
    with Desk(project) as desk:
        for number, who in ((1, "C900001"), (2, "C900002")):
            decide(desk, payment(number, customer_id=who, card_id=f"K{who}", terminal_id=f"T{who}"))
        done = forget_subject(project, "C900001", "asked")
        assert (done.erasure.counts["journal.decisions"], len(done.erasure.frames)) == (1, 1)
        answer = decide(desk, payment(3, customer_id="C900001", card_id="K900001"))
        assert answer.position > (done.position or 0)
    for source in ("vector", "history"):
        found = replay_decisions(project, source)
        assert (found.decisions, found.erased, found.differing) == (2, 1, 0)
    with read_journal(project) as journal:
        check_frames(journal)
        assert erasures(journal) == (done.erasure,)
