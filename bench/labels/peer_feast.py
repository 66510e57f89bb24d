"""Feast's side, run by the Python of its own environment: `python -P peer_feast.py FOLDER ROUNDS`.

The folder holds facts.parquet (card, event_timestamp, three columns) and points.parquet (point, card,
event_timestamp). Writes found.parquet and prints the best seconds of so many rounds as JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from datetime import timedelta
from pathlib import Path

import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.types import Int64

COLUMNS = ("amount", "merchant_id", "payment_id")
MEMORY = 12 << 30
"""Bytes it may take: it pairs every point with every row of its key before it chooses."""


def store(folder: Path) -> FeatureStore:
    """A file store with one feature view over facts.parquet."""
    (folder / "feature_store.yaml").write_text(
        "project: bench\nregistry: registry.db\nprovider: local\noffline_store:\n  type: file\n"
        "online_store:\n  type: sqlite\n  path: online.db\nentity_key_serialization_version: 3\n"
    )
    card = Entity(name="card", join_keys=["card"], value_type=ValueType.INT64)
    view = FeatureView(
        name="payments",
        entities=[card],
        ttl=timedelta(days=30),
        schema=[Field(name="card", dtype=Int64), *(Field(name=name, dtype=Int64) for name in COLUMNS)],
        source=FileSource(path=str(folder / "facts.parquet"), timestamp_field="event_timestamp"),
    )
    made = FeatureStore(repo_path=str(folder))
    made.apply([card, view])
    return made


def main() -> None:
    """Ask the points."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    folder = Path(sys.argv[1]).resolve()
    made = store(folder)
    points = pd.read_parquet(folder / "points.parquet")
    taken = []
    for _ in range(int(sys.argv[2])):
        start = time.perf_counter()
        job = made.get_historical_features(points, [f"payments:{name}" for name in COLUMNS])
        found = job.to_df()
        taken.append(time.perf_counter() - start)
    found.to_parquet(folder / "found.parquet")
    print(json.dumps({"seconds": min(taken), "rows": len(found)}))


if __name__ == "__main__":
    main()
