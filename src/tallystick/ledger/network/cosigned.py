"""Which witnesses of a policy have cosigned a note, as far as their signatures hold."""

from __future__ import annotations

from tallystick.core import TamperError
from tallystick.ledger.cosignature import signed_time
from tallystick.ledger.keys import Verifier
from tallystick.ledger.note import Note, Signature, read_note, trusted_signatures
from tallystick.ledger.policy import Policy


def cosignatures(policy: Policy, note: bytes) -> dict[str, tuple[Signature, int]]:
    """The cosignatures under a note that hold, and the POSIX seconds that they state, by witness of the policy.

    A wrong one counts as none: this is for whoever gathers. Whoever relies on a note uses `check_policy`.

    Parameters
    ----------
    policy
        Names the witnesses and their keys.
    note
        A checkpoint; whether its log signed it is another question.

    Raises
    ------
    TamperError
        When it is no note.

    Examples
    --------
    >>> from tallystick.ledger import Checkpoint, KeyKind, Signer, add_signatures, cosign, generate_key, parse_policy
    >>> from tallystick.ledger import sign_checkpoint
    >>> log, key = Signer(generate_key("bank.example/log")[0]), generate_key("w.example", KeyKind.COSIGNATURE)
    >>> note = sign_checkpoint(Checkpoint(log.name, 0, bytes(32)), log)
    >>> policy = parse_policy(f"witness w {key[1]}\\nquorum w\\n".encode())
    >>> cosignatures(policy, note)
    {}
    >>> cosignatures(policy, add_signatures(note, cosign(note, [Signer(key[0])], 1_700_000_000)))["w"][1]
    1700000000
    """
    whole, found = read_note(note), {}
    for name, party in policy.witnesses.items():
        key = Verifier(party.vkey)
        own = tuple(line for line in whole.signatures if (line.name, line.id) == (key.name, key.id))
        try:
            ((_, signature),) = trusted_signatures(Note(whole.text, own), [key])
        except TamperError:
            continue
        found[name] = (signature, signed_time(key.kind, signature.signature) or 0)
    return found
