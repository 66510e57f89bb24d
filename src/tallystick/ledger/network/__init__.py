"""Ledger on the network: a witness that is served, and the log's side, which asks several at once.

It has a face of its own, so that who only verifies a proof loads no HTTP.
"""

from tallystick.ledger.network.client import Answer, Gathered, check_url, cosign_log, gather
from tallystick.ledger.network.cosigned import cosignatures
from tallystick.ledger.network.server import WitnessServer

__all__ = ["Answer", "Gathered", "WitnessServer", "check_url", "cosign_log", "cosignatures", "gather"]
