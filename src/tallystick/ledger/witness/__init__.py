"""Witnesses (C2SP tlog-witness): who cosigns a log's checkpoints, and never two pasts of one log."""

from tallystick.ledger.witness.protocol import Reply, Request, read_request, write_request
from tallystick.ledger.witness.subtree import SubtreeRequest, read_subtree_request, write_subtree_request
from tallystick.ledger.witness.witness import Witness

__all__ = [
    "Reply",
    "Request",
    "SubtreeRequest",
    "Witness",
    "read_request",
    "read_subtree_request",
    "write_request",
    "write_subtree_request",
]
