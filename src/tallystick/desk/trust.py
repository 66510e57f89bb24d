"""Trust: the tlog-policy file that tallystick.toml names, read and held against the project's own log."""

from __future__ import annotations

from pathlib import Path

from tallystick import ledger
from tallystick.core import DefinitionError, DefinitionErrors, Faults, InputError, Place
from tallystick.core.system import system_words
from tallystick.desk.evidence_words import WORDS
from tallystick.desk.settings import SETTINGS
from tallystick.ledger.network import check_url


def read_trust(root: Path, policy: str, vkey: Path) -> ledger.Policy | None:
    """Read the policy of a project; all its faults are raised together, each with its line.

    Parameters
    ----------
    root
        The project folder.
    policy
        `[ledger] policy`: the file's path from there, or "" for none.
    vkey
        The file with the public key of the project's log; it may not be there yet.

    Returns
    -------
    ledger.Policy or None
        None where the project names none.

    Raises
    ------
    DefinitionErrors
        When the file is missing, cannot be read or is wrong, names other logs only, or the project's own as a witness,
        gives an address that is none, or asks for a quorum of witnesses that have no address.

    Examples
    --------
    >>> read_trust(Path("bank"), "", Path("bank/.tallystick/ledger/vkey")) is None
    True
    """
    if not policy:
        return None
    path, faults = root / policy, Faults()
    try:
        text = path.read_bytes() if path.is_file() else None
    except OSError as error:
        why = WORDS("policy.read", given=policy, why=system_words(error))
        raise DefinitionErrors([DefinitionError(why, Place(str(path)))]) from None
    if text is None:
        raise DefinitionErrors([DefinitionError(WORDS("policy.none", given=policy), Place(str(root / SETTINGS)))])
    found = ledger.parse_policy(text, str(path))
    lines = [line.split() for line in text.decode("utf-8", "replace").split("\n")]
    own = vkey.read_text("ascii").strip() if vkey.is_file() else ""
    public = _public(own)
    for number, words in enumerate(lines, 1):
        if words[:1] != ["witness"]:
            continue
        if public and ledger.Verifier(words[2]).public == public:
            faults.add(DefinitionError(WORDS("policy.own", given=words[1]), Place(str(path), line=number)))
        if len(words) == 4:
            try:
                check_url(words[3])
            except InputError as fault:
                faults.add(DefinitionError(fault.message, Place(str(path), line=number)))
    if own and found.logs and own not in (party.vkey for party in found.logs):
        line = next(number for number, words in enumerate(lines, 1) if words[:1] == ["log"])
        faults.add(DefinitionError(WORDS("policy.log", allowed=own), Place(str(path), line=line)))
    if not found.holds(frozenset(name for name, party in found.witnesses.items() if party.url)):
        line = next(number for number, words in enumerate(lines, 1) if words[:1] == ["quorum"])
        faults.add(DefinitionError(WORDS("policy.addresses", given=found.quorum), Place(str(path), line=line)))
    faults.raise_any()
    return found


def _public(vkey: str) -> bytes:
    """The public key of the project's log; b"" where the file says nothing, which is no fault of the policy."""
    try:
        return ledger.Verifier(vkey).public
    except InputError:
        return b""
