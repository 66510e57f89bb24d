"""The witness: cosigns a log's checkpoint when it continues what the witness saw before, and never otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

from tallystick.core import InputError, TallystickError, TamperError
from tallystick.ledger.checkpoint import add_signatures, cosign, split_signatures
from tallystick.ledger.equivocation import contradict, make_equivocation
from tallystick.ledger.head import Checkpoint, read_checkpoint
from tallystick.ledger.keys import KeyKind, Signer, Verifier
from tallystick.ledger.note import read_note, trusted_signatures
from tallystick.ledger.profile import Profile, check_profile, profile_of
from tallystick.ledger.tree import verify_consistency, verify_subtree
from tallystick.ledger.witness.protocol import SIZE_TYPE, Reply, Request, read_request
from tallystick.ledger.witness.record import Held, Record
from tallystick.ledger.witness.subtree import SubtreeRequest, read_subtree_request, sign_request
from tallystick.ledger.words import WORDS


class Witness:
    """A witness of C2SP tlog-witness, without the network (`ledger.network.WitnessServer` puts it there).

    Between check and answer the new checkpoint is flushed to disk, so that after a crash the witness knows at least
    what it cosigned. The time that it states never goes back, whatever the clock does.

    Parameters
    ----------
    folder
        Where it remembers; one process at a time.
    signers
        Its keys, of the kinds COSIGNATURE, ML_DSA_44 and SM2; each signs every checkpoint.
    logs
        The public keys of the logs that it witnesses; a log's origin is its key's name, and it may have several keys.
    clock
        Gives POSIX time in seconds.

    Raises
    ------
    InputError
        When a key is of another kind, there is none, or the keys of a log are of two profiles.
    StateError
        When another process holds the folder.

    Examples
    --------
    >>> import tempfile
    >>> from tallystick.ledger import Checkpoint, KeyKind, Signer, generate_key, root_of, sign_checkpoint
    >>> log = Signer(generate_key("bank.example/log")[0])
    >>> key = Signer(generate_key("witness.example", KeyKind.COSIGNATURE)[0])
    >>> note = sign_checkpoint(Checkpoint(log.name, 1, root_of([b"one"])), log)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     witness = Witness(folder, [key], [log.verifier], lambda: 1_700_000_000)
    ...     witness.add_checkpoint(b"old 0\\n\\n" + note).status, witness.add_checkpoint(b"old 0\\n\\n" + note).body
    (200, b'1\\n')
    """

    def __init__(
        self, folder: Path | str, signers: Sequence[Signer], logs: Sequence[Verifier], clock: Callable[[], int]
    ) -> None:
        if not signers or any(signer.kind is KeyKind.ED25519 for signer in signers):
            raise InputError(WORDS("cosignature.kind"))
        if any(verifier.kind is KeyKind.COSIGNATURE for verifier in logs):
            raise InputError(WORDS("policy.kind", given="04", role="log"))
        self._signers, self._clock = tuple(signers), clock
        self._own = [signer.verifier for signer in signers]
        self._logs: dict[str, list[Verifier]] = {}
        for verifier in logs:
            keys = self._logs.setdefault(verifier.name, [verifier])
            check_profile(profile_of(keys[0].kind), verifier.kind)
            if verifier not in keys:
                keys.append(verifier)
        self.record = Record(folder)
        self._turn = Lock()

    def close(self) -> None:
        """Let another process take the folder."""
        with self._turn:
            self.record.close()

    @property
    def origins(self) -> tuple[str, ...]:
        """The logs that it witnesses."""
        return tuple(self._logs)

    def checkpoint(self, origin: str) -> bytes | None:
        """The last checkpoint that it cosigned for a log, with its cosignatures; None where there is none."""
        keys = self._logs.get(origin)
        held = self.record.held(origin, keys, self._own) if keys else None
        return held.note if held else None

    def add_checkpoint(self, body: bytes) -> Reply:
        """Answer one add-checkpoint request; whatever the bytes are, it answers.

        Parameters
        ----------
        body
            `old N`, at most 63 lines of the consistency proof, a blank line, the signed checkpoint.

        Returns
        -------
        Reply
            The statuses of C2SP tlog-witness.
        """
        try:
            request = read_request(body)
            head = read_checkpoint(read_note(request.note).text)
        except TallystickError as fault:
            return _refuse(400, fault)
        keys = self._logs.get(head.origin)
        if keys is None:
            return _refuse(404, InputError(WORDS("witness.unknown", given=head.origin)))
        try:
            note = split_signatures(request.note, keys)
        except TamperError as fault:
            return _refuse(403, fault)
        if request.old > head.size:
            return _refuse(400, InputError(WORDS("witness.old", old=request.old, size=head.size)))
        with self._turn:
            try:
                held = self.record.held(head.origin, keys, self._own)
                return self._judge(request, note, head, held)
            except (OSError, TallystickError):
                # The fault names a file of ours: that is for the operator, not for the net.
                return _refuse(500, InputError(WORDS("witness.state")))

    def sign_subtree(self, body: bytes) -> Reply:
        """Answer one sign-subtree request: cosign a part of a tree that this witness has cosigned.

        It changes nothing that the witness remembers. A witness without an ML-DSA-44 key does not know the request.

        Parameters
        ----------
        body
            `subtree START END`, the subtree's root, cosignatures of it and the lines of its proof, a blank line, the
            checkpoint, which bears a cosignature of this witness or is the last one that it cosigned.

        Returns
        -------
        Reply
            The statuses of C2SP tlog-witness.
        """
        signers = [signer for signer in self._signers if signer.kind is KeyKind.ML_DSA_44]
        if not signers:
            return _refuse(404, InputError(WORDS("witness.subtrees")))
        try:
            request = read_subtree_request(body)
        except TallystickError as fault:
            return _refuse(400, fault)
        head = request.head
        keys = self._logs.get(head.origin)
        if keys is None:
            return _refuse(404, InputError(WORDS("witness.unknown", given=head.origin)))
        try:
            known = self._known(request, head, keys)
            if known is not None:
                return known
            verify_subtree(
                request.start,
                request.stop,
                head.size,
                request.hashes,
                request.root,
                head.root,
                profile_of(keys[0].kind),
            )
        except TamperError as fault:
            return _refuse(422, fault)
        try:
            return Reply(200, sign_request(request, signers))
        except TallystickError as fault:
            return _refuse(500, fault)

    def _known(self, request: SubtreeRequest, head: Checkpoint, keys: Sequence[Verifier]) -> Reply | None:
        """Refuse a checkpoint that this witness has not cosigned; None when it has."""
        own = [
            line for line in request.note.signatures if any((k.name, k.id) == (line.name, line.id) for k in self._own)
        ]
        if own:
            try:
                trusted_signatures(request.note, self._own)
            except TamperError as fault:
                return _refuse(403, fault)
            return None
        try:
            with self._turn:
                held = self.record.held(head.origin, keys, self._own)
        except (OSError, TallystickError):
            return _refuse(500, InputError(WORDS("witness.state")))
        if held is None:
            return _refuse(403, InputError(WORDS("witness.unseen")))
        return None if held.head == head else Reply(409, held.note)

    def _judge(self, request: Request, note: bytes, head: Checkpoint, held: Held | None) -> Reply:
        profile = profile_of(self._logs[head.origin][0].kind)
        last = held.head if held else Checkpoint(head.origin, 0, profile.empty)
        if held is not None and contradict(last, head, profile=profile):
            self._accuse("forks", held, note)
        if request.old != last.size:
            return Reply(409, f"{last.size}\n".encode(), SIZE_TYPE)
        if head.size == last.size and head.root != last.root:
            return Reply(409, f"{last.size}\n".encode(), SIZE_TYPE)
        try:
            _continues(last, head, request.hashes, profile)
        except TamperError as fault:
            if held is not None:
                # A proof made from another past leads to another old root; from a power of two it does not name one.
                proved = bool(last.size & (last.size - 1)) and contradict(last, head, request.hashes, profile)
                self._accuse("forks" if proved else "refused", held, note, request.hashes)
            return _refuse(422, fault)
        time_s = max(self._clock(), held.time_s if held else 0)
        signatures = cosign(note, self._signers, time_s)
        self.record.keep(head.origin, add_signatures(note, signatures))
        return Reply(200, "".join(signature.line() for signature in signatures).encode())

    def _accuse(self, kind: str, held: Held, note: bytes, hashes: Sequence[bytes] = ()) -> None:
        """Keep a checkpoint beside the one that it does not continue, with the log's signatures only."""
        origin = held.head.origin
        self.record.accuse(
            origin, kind, make_equivocation(split_signatures(held.note, self._logs[origin]), note, hashes)
        )


def _continues(last: Checkpoint, head: Checkpoint, hashes: Sequence[bytes], profile: Profile) -> None:
    if last.size == 0 or head.size == last.size:
        if hashes or (head.size == 0 and head.root != profile.empty):
            raise TamperError(WORDS("proof.length", given=len(hashes)))
        return
    verify_consistency(last.size, head.size, hashes, last.root, head.root, profile)


def _refuse(status: int, fault: TallystickError) -> Reply:
    return Reply(status, f"{fault.message.text('en')}\n".encode())
