"""Ledger: evidence that a stranger can check. A Merkle log in open formats, its checkpoints and its proofs.

It holds bytes and hashes only and knows no domain; it never reads a journal, and it loads no numpy, polars or numba.
"""

from tallystick.ledger.bundle import Verdict, make_bundle, verify
from tallystick.ledger.checkpoint import Checkpoint, open_checkpoint
from tallystick.ledger.leaf import SALT_BYTES, leaf
from tallystick.ledger.log import Log
from tallystick.ledger.note import Signer, Verifier, generate_key, open_note, sign_note
from tallystick.ledger.tree import (
    ConsistencyProof,
    InclusionProof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

__all__ = [
    "SALT_BYTES",
    "Checkpoint",
    "ConsistencyProof",
    "InclusionProof",
    "Log",
    "Signer",
    "Verdict",
    "Verifier",
    "generate_key",
    "leaf",
    "leaf_hash",
    "make_bundle",
    "open_checkpoint",
    "open_note",
    "root_of",
    "sign_note",
    "verify",
    "verify_consistency",
    "verify_inclusion",
]
