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
from tallystick.ledger.note import read_note
from tallystick.ledger.tree import EMPTY_ROOT, verify_consistency
from tallystick.ledger.witness.protocol import SIZE_TYPE, Reply, Request, read_request
from tallystick.ledger.witness.record import Held, Record
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
        Its keys, of the kinds COSIGNATURE and ML_DSA_44; each signs every checkpoint.
    logs
        The public keys of the logs that it witnesses; a log's origin is its key's name, and it may have several keys.
    clock
        Gives POSIX time in seconds.

    Raises
    ------
    InputError
        When a key is of another kind, or there is none.
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
            self._logs.setdefault(verifier.name, []).append(verifier)
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

    def _judge(self, request: Request, note: bytes, head: Checkpoint, held: Held | None) -> Reply:
        last = held.head if held else Checkpoint(head.origin, 0, EMPTY_ROOT)
        if held is not None and contradict(last, head):
            self._accuse("forks", held, note)
        if request.old != last.size:
            return Reply(409, f"{last.size}\n".encode(), SIZE_TYPE)
        if head.size == last.size and head.root != last.root:
            return Reply(409, f"{last.size}\n".encode(), SIZE_TYPE)
        try:
            _continues(last, head, request.hashes)
        except TamperError as fault:
            if held is not None:
                # A proof made from another past leads to another old root; from a power of two it does not name one.
                proved = bool(last.size & (last.size - 1)) and contradict(last, head, request.hashes)
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


def _continues(last: Checkpoint, head: Checkpoint, hashes: Sequence[bytes]) -> None:
    if last.size == 0 or head.size == last.size:
        if hashes or (head.size == 0 and head.root != EMPTY_ROOT):
            raise TamperError(WORDS("proof.length", given=len(hashes)))
        return
    verify_consistency(last.size, head.size, hashes, last.root, head.root)


def _refuse(status: int, fault: TallystickError) -> Reply:
    return Reply(status, f"{fault.message.text('en')}\n".encode())
