"""`tally consume` on the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "give exactly one of --nats, --kafka and --file"),
        (["--nats", "nats://127.0.0.1:1", "--file", "x.ndjson"], "give exactly one of --nats, --kafka and --file"),
        (["--nats", "nats://127.0.0.1:1"], "name the subject or topic of the events"),
        (["--kafka", "127.0.0.1:1"], "name the subject or topic of the events"),
    ],
)
def test_bad_usage_is_said_before_anything_is_read(
    tally: Callable[..., Any], tmp_path: Path, options: list[str], said: str
) -> None:
    """Exit code 2, without a project and without a server."""
    done = tally("--language", "en", "-p", tmp_path, "consume", *options)
    assert done.code == 2
    assert said in " ".join(done.error.split())
    translated = tally("--language", "zh", "-p", tmp_path, "consume", *options)
    assert translated.code == 2
    assert translated.error.startswith(("--nats: 请", "--subject: 请"))
