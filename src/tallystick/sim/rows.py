"""Payments as columns of whole numbers, before they get names."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from tallystick.sim.chance import Flags, Ints

CHANNELS = ("pos", "online", "atm", "wallet")
POS, WEB, ATM, WALLET = range(4)
ENTRY_MODES = ("chip", "contactless", "magstripe", "ecom", "stored", "token")
CHIP, CONTACTLESS, MAGSTRIPE, ECOM, STORED, TOKEN = range(6)
FRAUD_KINDS = ("none", "stolen_card", "compromised_terminal", "account_takeover", "bust_out")
NONE, STOLEN, TERMINAL, TAKEOVER, BUST_OUT = range(5)


class Rows(msgspec.Struct, frozen=True):
    """Payments; every attribute is an int64 array of the same length.

    Attributes
    ----------
    paid_s
        Seconds UTC.
    card, terminal, device
        Indices; `device` is -1 for a card that is present.
    amount_minor
        Cents.
    channel, entry, kind
        Indices into `CHANNELS`, `ENTRY_MODES` and `FRAUD_KINDS`.
    ring
        The planted ring, -1 for none.
    known_s
        When the fraud was confirmed, 0 for never.
    """

    paid_s: Ints
    card: Ints
    terminal: Ints
    device: Ints
    amount_minor: Ints
    channel: Ints
    entry: Ints
    kind: Ints
    ring: Ints
    known_s: Ints

    def __len__(self) -> int:
        return len(self.paid_s)

    def take(self, which: Ints | Flags) -> Rows:
        """The rows at these indices, or where the mask is true."""
        return Rows(*(getattr(self, name)[which] for name in self.__struct_fields__))


def stack(parts: Sequence[Rows]) -> Rows:
    """All rows of all parts, in their order."""
    return Rows(*(np.concatenate([getattr(part, name) for part in parts]) for name in Rows.__struct_fields__))


def honest(
    paid_s: Ints, card: Ints, terminal: Ints, device: Ints, amount_minor: Ints, channel: Ints, entry: Ints
) -> Rows:
    """Payments without fraud."""
    size = len(paid_s)
    zero = np.zeros(size, dtype=np.int64)
    return Rows(paid_s, card, terminal, device, amount_minor, channel, entry, zero, zero - 1, zero)
