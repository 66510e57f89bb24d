"""`tally-verify`: checks a proof file with verifier keys alone. It needs no project, no network and no data library."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NoReturn

from tallystick.core import LANGUAGES, InputError, Language, Place, StateError, TallystickError, UsageError
from tallystick.core.system import system_words
from tallystick.ledger.bundle import Verdict, verify
from tallystick.ledger.keys import Verifier, refuse_secret
from tallystick.ledger.policy import Policy, parse_policy
from tallystick.ledger.verifier_words import WORDS

_FILE_BYTES_MAX = 1 << 28
_PIECE_BYTES = 1 << 20

Rescore = Callable[[bytes, Sequence[str], Policy | None, Language], tuple[dict[str, Any], str]]
"""(proof file, keys, policy, language) → the verdict with the decision taken again, as JSON values and as words."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `tally-verify`.

    Parameters
    ----------
    arguments
        What follows the command's name; by default what the process was given.

    Returns
    -------
    int
        0 the proof holds, 1 it does not, 2 bad usage.
    """
    language = spoken()
    try:
        options = _parser().parse_args(arguments)
        language = spoken(options.language)
        if options.help:
            sys.stdout.write(WORDS("verify.usage").text(language) + "\n")
            return 0
        if options.file is None:
            raise UsageError(WORDS("verify.argument", given="FILE"))
        if options.rescore:
            raise UsageError(WORDS("verify.rescore"))
    except TallystickError as error:
        usage = "\n" + WORDS("verify.usage").text(language) if isinstance(error, UsageError) else ""
        sys.stderr.write(error.text(language) + usage + "\n")
        return 2
    return answer(options.file, options.vkey, options.policy, options.json, language)


def answer(
    file: Path,
    vkeys: Sequence[Path],
    policy: Path | None,
    json_file: Path | None,
    language: Language,
    rescore: Rescore | None = None,
) -> int:
    """Check a proof file and print what was found: the work of `tally-verify` and of `tally verify`.

    Parameters
    ----------
    file, vkeys, policy
        The proof, files with keys, and a file with a policy.
    json_file
        Where the verdict is also written as JSON.
    language
        Of what is printed.
    rescore
        Takes the decision again too.

    Returns
    -------
    int
        0 the proof holds, 1 it does not, 2 a file cannot be read or written, or is not what it is given as.
    """
    try:
        bundle, keys, trust = read_file(file), read_keys(vkeys), read_policy(policy)
        if rescore is not None:
            document, words = rescore(bundle, keys, trust, language)
        else:
            verdict = verify(bundle, keys, trust)
            document, words = verdict_document(verdict, language), verdict_words(verdict, language)
        if json_file is not None:
            _write(json_file, json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    except TallystickError as error:
        sys.stderr.write(error.text(language) + "\n")
        return 2
    sys.stdout.write(words + "\n")
    return 0 if document["ok"] else 1


def run() -> None:
    """The command `tally-verify`: `main`, ending the process with its answer; 2 where the answer cannot be written."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a letter gets its escape; that is no reason to say anything about the proof.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        answer = main()
        sys.stdout.flush()
    except OSError:
        # What is still buffered would fail again, and loudly, when the interpreter ends.
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        answer = 2
    sys.exit(answer)


def verify_file(file: Path, vkeys: Sequence[Path], policy: Path | None = None) -> Verdict:
    """Check a proof file against the keys in files, one a line, and against a policy's witnesses.

    Raises
    ------
    InputError
        When a file cannot be read, there is no key, or a line is none.
    DefinitionErrors
        When the policy has faults.
    """
    return verify(read_file(file), read_keys(vkeys), read_policy(policy))


def read_keys(paths: Sequence[Path]) -> list[str]:
    """The public keys in files, one a line; blank lines and lines that begin with # pass.

    Raises
    ------
    InputError
        Naming file and line, where a file cannot be read, holds no key, or has a line that is none.
    """
    return [key for path in paths for key in _keys_in(path)]


def _keys_in(path: Path) -> list[str]:
    try:
        lines = [line.strip() for line in read_file(path).decode("utf-8-sig").split("\n")]
    except UnicodeDecodeError:
        raise InputError(WORDS("keys.text"), Place(str(path))) from None
    found = []
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        try:
            refuse_secret(line)
            if len(line.split()) > 1:
                raise InputError(WORDS("keys.line"))
            Verifier(line)
        except InputError as error:
            raise InputError(error.message, Place(str(path), line=number)) from None
        except StateError:
            # A key whose library is missing is a key; whether that matters is for the verdict to say.
            pass
        found.append(line)
    if not found:
        raise InputError(WORDS("keys.none"), Place(str(path)))
    return found


def read_policy(path: Path | None) -> Policy | None:
    """The policy in a file, if one is given."""
    return None if path is None else parse_policy(read_file(path), str(path))


def verdict_document(verdict: Verdict, language: Language) -> dict[str, Any]:
    """A verdict as JSON values; the record as text, the files by name and size in bytes."""
    return {
        "ok": verdict.ok,
        "origin": verdict.origin,
        "size": verdict.size,
        "index": verdict.index,
        "checks": list(verdict.checks),
        "witnesses": list(verdict.witnesses),
        "fault": verdict.fault.text(language) if verdict.fault else None,
        "payload": None if verdict.payload is None else verdict.payload.decode("utf-8", "replace"),
        "files": {name: len(data) for name, data in verdict.files.items()},
    }


def verdict_words(verdict: Verdict, language: Language) -> str:
    """A verdict in words: what held, who cosigned, and what the file does not show or carries along."""
    if verdict.fault is not None:
        return WORDS("verify.failed", fault=verdict.fault.text(language)).text(language)
    checks = ", ".join(WORDS(f"check.{check}").text(language) for check in verdict.checks)
    lines = [WORDS("verify.ok", index=verdict.index, size=verdict.size, origin=verdict.origin, checks=checks)]
    if verdict.witnesses:
        names = ", ".join(verdict.witnesses).encode("utf-8", "backslashreplace").decode()
        lines.append(WORDS("verify.witnesses", names=names))
    if verdict.payload is None:
        lines.append(WORDS("verify.hidden"))
    if verdict.files:
        lines.append(WORDS("verify.files", count=len(verdict.files)))
    return "\n".join(line.text(language) for line in lines)


def spoken(given: str = "") -> Language:
    """The language of messages: as given, else `TALLYSTICK_LANGUAGE`, else by the locale; `UsageError` for others."""
    chosen = given or os.environ.get("TALLYSTICK_LANGUAGE", "")
    if given and given not in LANGUAGES:
        raise UsageError(WORDS("verify.language", given=given, allowed=", ".join(LANGUAGES)))
    if chosen not in LANGUAGES:
        chosen = "zh" if os.environ.get("LC_ALL", os.environ.get("LANG", "")).startswith("zh") else "en"
    return "zh" if chosen == "zh" else "en"


class _Parser(argparse.ArgumentParser):
    """Says what was wrong in the words of the catalogue, and leaves ending the process to `main`."""

    def error(self, message: str) -> NoReturn:
        refuse_secret(message)
        raise UsageError(WORDS("verify.argument", given=message))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="tally-verify", add_help=False, allow_abbrev=False)
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--vkey", type=Path, action="append", default=[])
    parser.add_argument("--policy", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rescore", action="store_true")
    parser.add_argument("--language", default="")
    parser.add_argument("--help", "-h", action="store_true")
    return parser


def read_file(path: Path) -> bytes:
    """The bytes of a file of at most 256 MiB; raises `InputError` when it is longer or cannot be read."""
    refuse_secret(str(path))
    parts, left = [], _FILE_BYTES_MAX + 1
    try:
        with open(path, "rb") as file:
            while left and (part := file.read(min(left, _PIECE_BYTES))):
                parts.append(part)
                left -= len(part)
    except (OSError, ValueError) as error:
        why = system_words(error) if isinstance(error, OSError) else str(error)
        raise InputError(WORDS("verify.file", given=str(path), why=why)) from None
    if not left:
        raise InputError(WORDS("verify.long", given=str(path), allowed=_FILE_BYTES_MAX))
    return b"".join(parts)


def _write(path: Path, text: str) -> None:
    try:
        # A name in a policy may be any bytes; those that are no text become escapes, which JSON has too.
        path.write_text(text, "utf-8", "backslashreplace")
    except OSError as error:
        raise InputError(WORDS("verify.write", given=str(path), why=system_words(error))) from None
