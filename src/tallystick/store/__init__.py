"""Store: where state lies. Append-only logs, subject keys and durable files; it knows no domain and no money.

State tables have a face of their own, `tallystick.store.sql`, so that this one stays light.
"""

from tallystick.store.appendlog import AppendLog, Recovery
from tallystick.store.files import atomic_write, read_bytes, sync_file, sync_folder
from tallystick.store.keys import Forgotten, Keys, key_number
from tallystick.store.logs import LEASE_S, open_frames

__all__ = [
    "LEASE_S",
    "AppendLog",
    "Forgotten",
    "Keys",
    "Recovery",
    "atomic_write",
    "key_number",
    "open_frames",
    "read_bytes",
    "sync_file",
    "sync_folder",
]
