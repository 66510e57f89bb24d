"""The log's side: asks several witnesses at once, and waits for none longer than for the quorum."""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import SplitResult, urlsplit

import msgspec

from tallystick.core import InputError, StateError, TallystickError, TamperError
from tallystick.ledger.checkpoint import add_signatures
from tallystick.ledger.head import Checkpoint, read_checkpoint, read_size
from tallystick.ledger.keys import Verifier
from tallystick.ledger.log import Log
from tallystick.ledger.network.cosigned import cosignatures
from tallystick.ledger.note import Note, Signature, read_note, read_signatures, trusted_signatures
from tallystick.ledger.policy import Policy
from tallystick.ledger.witness.protocol import Reply, Request, origin_id, write_request
from tallystick.ledger.words import WORDS

_ANSWER_BYTES_MAX = 1 << 16
_TRIES_MAX = 3

Prove = Callable[[int, int], Sequence[bytes]]
"""(old size, new size) → the hashes of the consistency proof, for 0 < old < new."""


class Answer(msgspec.Struct, frozen=True):
    """What one witness said: `ok` and its signatures, or the fault; `size` is what it has cosigned, as far as known.

    `held` is the checkpoint that it shows where it says that it has seen another tree, as it came; b"" otherwise.
    """

    ok: bool
    signatures: tuple[Signature, ...] = ()
    size: int = 0
    fault: TallystickError | None = None
    held: bytes = b""


class Gathered(msgspec.Struct, frozen=True):
    """The checkpoint with the cosignatures that came, whether they are a quorum, and the answers by witness."""

    note: bytes
    quorum: bool
    answers: dict[str, Answer]


def gather(
    note: bytes,
    policy: Policy,
    prove: Prove,
    sizes: Mapping[str, int] | None = None,
    timeout_s: float = 5.0,
    grace_s: float = 0.2,
) -> Gathered:
    """Ask every witness of a policy that has an address, and has not cosigned a checkpoint yet, to do so, all at once.

    It comes back when every witness has answered, the time is over, or the quorum holds and the others had a moment
    more. What a witness signs is checked with its key before it counts, so one that lies counts as one that is silent.

    Parameters
    ----------
    note
        The signed checkpoint; cosignatures that it bears already count.
    policy
        The witnesses, their addresses and the quorum.
    prove
        Makes consistency proofs from the log's tiles; it may be called from several threads, one at a time.
    sizes
        The sizes that the witnesses last cosigned, by name, as far as known; a wrong one costs one more question.
    timeout_s, grace_s
        Seconds in all, above 0; seconds for the others once the quorum holds, from 0.

    Raises
    ------
    InputError
        When an address is none.

    Examples
    --------
    >>> from tallystick.ledger import Checkpoint, Signer, generate_key, parse_policy, sign_checkpoint
    >>> log = Signer(generate_key("bank.example/log")[0])
    >>> note = sign_checkpoint(Checkpoint(log.name, 0, bytes(32)), log)
    >>> gather(note, parse_policy(b"quorum none\\n"), lambda old, new: ()).quorum
    True
    """
    head, turn = read_checkpoint(read_note(note).text), threading.Lock()
    size, signed = head.size, frozenset(cosignatures(policy, note))
    answered: queue.Queue[tuple[str, Answer]] = queue.Queue()

    def hashes(old: int) -> Sequence[bytes]:
        with turn:
            return prove(old, size)

    def converse(name: str, conversation: _Conversation) -> None:
        old = min((sizes or {}).get(name, 0), size)
        answered.put((name, conversation.ask(note, head, old, hashes)))

    asked = {
        name: _Conversation(Verifier(party.vkey), party.url, timeout_s)
        for name, party in policy.witnesses.items()
        if party.url and name not in signed
    }
    for name, conversation in asked.items():
        threading.Thread(target=converse, args=(name, conversation), name=f"witness {name}", daemon=True).start()
    answers = _collect(answered, len(asked), lambda names: policy.holds(signed | names), timeout_s, grace_s)
    quorum = policy.holds(signed | _cosigners(answers))
    for name, conversation in asked.items():
        if name not in answers:
            conversation.hang_up()
            answers[name] = Answer(False, fault=StateError(WORDS("witness.later" if quorum else "witness.silent")))
    signatures = [signature for answer in answers.values() for signature in answer.signatures]
    return Gathered(add_signatures(note, signatures), quorum, answers)


def _collect(
    answered: queue.Queue[tuple[str, Answer]],
    asked: int,
    holds: Callable[[frozenset[str]], bool],
    timeout_s: float,
    grace_s: float,
) -> dict[str, Answer]:
    answers: dict[str, Answer] = {}
    end, met = time.monotonic() + timeout_s, holds(frozenset())
    while len(answers) < asked:
        if not met and holds(_cosigners(answers)):
            end, met = min(end, time.monotonic() + grace_s), True
        try:
            name, answer = answered.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            break
        answers[name] = answer
    return answers


def cosign_log(
    log: Log,
    policy: Policy,
    sizes: Mapping[str, int] | None = None,
    timeout_s: float = 5.0,
    note: bytes | None = None,
) -> Gathered:
    """Gather cosignatures for the log as it is, and publish the checkpoint with them when they are a quorum.

    Without a quorum the log's own checkpoint stays as it is; ask again later.

    Parameters
    ----------
    log
        Opened for writing.
    policy, sizes, timeout_s
        As for `gather`.
    note
        Its last checkpoint, with cosignatures that came before; by default one is signed.
    """
    shown = log.checkpoint() if note is None else note
    gathered = gather(shown, policy, lambda old, new: log.consistency(old, new).hashes, sizes, timeout_s)
    if gathered.quorum:
        log.publish(gathered.note)
    return gathered


def check_url(url: str) -> SplitResult:
    """Take the address of a witness apart; raises `InputError` when it is none.

    Examples
    --------
    >>> check_url("https://witness.example/w1").path
    '/w1'
    """
    parts = urlsplit(url)
    try:
        known = parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.fragment)
        parts.port  # noqa: B018
    except ValueError:
        known = False
    if not known:
        raise InputError(WORDS("witness.url", given=url))
    return parts


def _cosigners(answers: dict[str, Answer]) -> frozenset[str]:
    return frozenset(name for name, answer in answers.items() if answer.ok)


class _Conversation:
    """The questions to one witness over one connection."""

    def __init__(self, key: Verifier, url: str, timeout_s: float) -> None:
        parts = check_url(url)
        host, port = parts.hostname or "", parts.port
        self._key, self._path = key, parts.path.rstrip("/")
        self._line: HTTPConnection = (
            HTTPSConnection(host, port, timeout=timeout_s, context=ssl.create_default_context())
            if parts.scheme == "https"
            else HTTPConnection(host, port, timeout=timeout_s)
        )
        self._over = False

    def ask(self, note: bytes, head: Checkpoint, old: int, hashes: Callable[[int], Sequence[bytes]]) -> Answer:
        """Ask until the witness signs or refuses for good; gives an answer whatever comes over the line."""
        reply, size = Reply(0, b""), head.size
        try:
            for _ in range(_TRIES_MAX):
                path = tuple(hashes(old)) if 0 < old < size else ()
                reply = self._send("POST", "/add-checkpoint", write_request(Request(old, path, note)))
                held = read_size(reply.body.decode("ascii", "replace").strip("\n")) if reply.status == 409 else None
                if held is None or held == old or held > size or self._over:
                    break
                old = held
            if reply.status in (409, 422):
                return self._disputed(reply, head)
            return self._judge(reply, note, size)
        except (OSError, HTTPException, ValueError):
            return Answer(False, fault=StateError(WORDS("witness.silent")))
        except TallystickError as fault:
            return Answer(False, fault=fault)
        finally:
            self._line.close()

    def hang_up(self) -> None:
        """End the conversation from another thread; `ask` comes back with a fault."""
        self._over = True
        line = self._line.sock
        if line is not None:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def _disputed(self, reply: Reply, head: Checkpoint) -> Answer:
        """The witness says that it has seen another tree, or more of it: ask which."""
        size = read_size(reply.body.decode("ascii", "replace").strip("\n")) or 0
        fault = _refusal(reply)
        if reply.status == 409 and size > head.size:
            fault = StateError(WORDS("witness.ahead", given=size, size=head.size))
        try:
            shown = self._send("GET", f"/{origin_id(head.origin)}/checkpoint")
        except (OSError, HTTPException, ValueError, TallystickError):
            return Answer(False, size=size, fault=fault)
        return Answer(False, size=size, fault=fault, held=shown.body if shown.status == 200 else b"")

    def _judge(self, reply: Reply, note: bytes, size: int) -> Answer:
        if reply.status != 200:
            raise _refusal(reply)
        try:
            lines = read_signatures(reply.body.decode())
        except (UnicodeDecodeError, TamperError):
            raise TamperError(WORDS("witness.answer", status=reply.status)) from None
        found = trusted_signatures(Note(read_note(note).text, lines), [self._key])
        return Answer(True, tuple(signature for _, signature in found), size)

    def _send(self, method: str, path: str, body: bytes | None = None) -> Reply:
        headers = {"Content-Type": "text/plain; charset=utf-8"} if body is not None else {}
        self._line.request(method, self._path + path, body, headers)
        with self._line.getresponse() as response:
            answer = response.read(_ANSWER_BYTES_MAX + 1)
            if len(answer) > _ANSWER_BYTES_MAX:
                raise TamperError(WORDS("witness.answer", status=response.status))
            return Reply(response.status, answer)


def _refusal(reply: Reply) -> StateError:
    why = reply.body.decode("utf-8", "replace")[:200].strip()
    shown = "".join(letter if letter.isprintable() else "?" for letter in why)
    return StateError(WORDS("witness.refused", status=reply.status, why=shown))
