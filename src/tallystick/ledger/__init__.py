"""Ledger: evidence that a stranger can check. A Merkle log in open formats, its checkpoints and its proofs.

It holds bytes and hashes only and knows no domain; it never reads a journal, and it loads no numpy, polars or numba.
"""

from tallystick.ledger.bundle import Verdict, make_bundle, verify
from tallystick.ledger.checkpoint import (
    add_signatures,
    cosign,
    open_checkpoint,
    sign_checkpoint,
)
from tallystick.ledger.copying import copy_log
from tallystick.ledger.cosignature import sign_subtree, subtree_holds
from tallystick.ledger.equivocation import Equivocation, check_equivocation, make_equivocation
from tallystick.ledger.head import Checkpoint
from tallystick.ledger.keys import KeyKind, Signer, Verifier, check_name, generate_key
from tallystick.ledger.leaf import SALT_BYTES, leaf
from tallystick.ledger.log import Log
from tallystick.ledger.note import open_note, sign_note
from tallystick.ledger.policy import Policy, Witnessed, check_policy, parse_policy
from tallystick.ledger.profile import DOMESTIC, INTERNATIONAL, PROFILES, Profile, profile_of
from tallystick.ledger.tree import (
    ConsistencyProof,
    InclusionProof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
    verify_subtree,
    verify_subtree_inclusion,
)
from tallystick.ledger.witness import Witness

__all__ = [
    "DOMESTIC",
    "INTERNATIONAL",
    "PROFILES",
    "SALT_BYTES",
    "Checkpoint",
    "ConsistencyProof",
    "Equivocation",
    "InclusionProof",
    "KeyKind",
    "Log",
    "Policy",
    "Profile",
    "Signer",
    "Verdict",
    "Verifier",
    "Witness",
    "Witnessed",
    "add_signatures",
    "check_equivocation",
    "check_name",
    "check_policy",
    "copy_log",
    "cosign",
    "generate_key",
    "leaf",
    "leaf_hash",
    "make_bundle",
    "make_equivocation",
    "open_checkpoint",
    "open_note",
    "parse_policy",
    "profile_of",
    "root_of",
    "sign_checkpoint",
    "sign_note",
    "sign_subtree",
    "subtree_holds",
    "verify",
    "verify_consistency",
    "verify_inclusion",
    "verify_subtree",
    "verify_subtree_inclusion",
]
