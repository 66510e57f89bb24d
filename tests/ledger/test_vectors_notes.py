"""The rules of C2SP signed-note, tlog-checkpoint and tlog-cosignature, each with a text of our own."""

from __future__ import annotations

import base64
import hashlib
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tallystick.core import InputError, TamperError
from tallystick.ledger import (
    KeyKind,
    Signer,
    Verifier,
    check_policy,
    generate_key,
    open_checkpoint,
    open_note,
    parse_policy,
    sign_note,
)
from tallystick.ledger.head import read_checkpoint
from tallystick.ledger.note import read_note

_NAME = "bank.example/log"
_SEED = bytes(range(32))
_ROOT = base64.b64encode(bytes(range(32))).decode()
_BODY = f"{_NAME}\n7\n{_ROOT}\n"


def key_text(name: str, kind: int, public: bytes, number: bytes | None = None) -> str:
    """The text of a public key, written by hand."""
    raw = bytes([kind]) + public
    number = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4] if number is None else number
    return f"{name}+{number.hex()}+{base64.b64encode(raw).decode()}"


_SECRET = Ed25519PrivateKey.from_private_bytes(_SEED)
_PUBLIC = _SECRET.public_key().public_bytes_raw()
_VKEY = key_text(_NAME, 1, _PUBLIC)
_ID = bytes.fromhex(_VKEY.split("+")[1])


def line(text: str, name: str = _NAME, number: bytes = _ID) -> str:
    """A signature line over a text, written by hand."""
    return f"— {name} {base64.b64encode(number + _SECRET.sign(text.encode())).decode()}\n"


_LINE = line(_BODY)
_STRANGER = f"— other.example {base64.b64encode(bytes(4) + b'x' * 64).decode()}\n"


def _opens(note: str | bytes) -> bool:
    try:
        open_note(note if isinstance(note, bytes) else note.encode(), [Verifier(_VKEY)])
    except TamperError:
        return False
    return True


def _is_checkpoint(text: str) -> bool:
    """Whether a text that the log has signed is a checkpoint of it."""
    try:
        open_checkpoint((text + "\n" + line(text)).encode(), [Verifier(_VKEY)])
    except TamperError:
        return False
    return True


def test_a_note_written_by_hand_is_what_is_signed() -> None:
    """Key, id and line by the words of the specification; the same bytes come from our signer."""
    assert open_note((_BODY + "\n" + _LINE).encode(), [Verifier(_VKEY)]) == (_BODY, (_NAME,))
    raw = base64.b64encode(b"\1" + _SEED).decode()
    signer = Signer(f"PRIVATE+KEY+{_NAME}+{_ID.hex()}+{raw}")
    assert sign_note(_BODY, [signer]).decode() == _BODY + "\n" + _LINE
    assert signer.verifier.vkey == _VKEY


@pytest.mark.parametrize(
    "note",
    [
        pytest.param(_BODY + "\n" + _LINE, id="plain"),
        pytest.param(_BODY + "\n" + _STRANGER + _LINE, id="a stranger first"),
        pytest.param(_BODY + "\n" + _LINE + _STRANGER, id="a stranger last"),
        pytest.param(_BODY + "\n" + _LINE + _LINE, id="one line twice"),
        pytest.param(_BODY + "\n" + _STRANGER * 15 + _LINE, id="sixteen lines"),
        pytest.param(_BODY + "\n" + _STRANGER * 99 + _LINE, id="a hundred lines"),
        pytest.param(_BODY + "\n" + line("x", name="other.example") + _LINE, id="another name with our id"),
        pytest.param(_BODY + "\n" + line("x", number=bytes(4)) + _LINE, id="our name with another id"),
        pytest.param(_BODY + "\n— 中\u200b銀行.example AAAAAAE=\n" + _LINE, id="a name in any letters"),
        pytest.param(_BODY + "\n— x AAAAAAE=\n" + _LINE, id="a signature of one byte"),
    ],
)
def test_notes_that_hold(note: str) -> None:
    assert _opens(note)


_TEXTS = {
    "empty lines inside": "a\n\n\nb\n",
    "an empty line first": "\nb\n",
    "one empty line alone": "\n",
    "what looks like a signature": _STRANGER,
    "delete and C1 letters": "a\x7f\x85\u2028b\n",
    "a byte order mark": "\ufeffa\n",
    "the last letter of Unicode": "\U0010ffff\n",
}


@pytest.mark.parametrize("name", _TEXTS)
def test_texts_of_notes_are_any_text_but_control_letters(name: str) -> None:
    text = _TEXTS[name]
    assert _opens(text + "\n" + line(text))
    assert open_note((text + "\n" + line(text)).encode(), [Verifier(_VKEY)])[0] == text


@pytest.mark.parametrize(
    "note",
    [
        pytest.param(_BODY, id="no signature"),
        pytest.param(_BODY + "\n", id="an empty line and no signature"),
        pytest.param(_BODY + _LINE, id="no empty line"),
        pytest.param(_BODY + "\n\n" + _LINE, id="two empty lines are text that nobody signed"),
        pytest.param(_BODY + "\n" + _LINE[:-1], id="no newline at the end"),
        pytest.param(_BODY + "\n" + _LINE + "\n", id="an empty line behind"),
        pytest.param(_BODY + "\n" + _LINE + "more\n", id="another line behind"),
        pytest.param("\n" + _LINE, id="no text"),
        pytest.param(_LINE, id="no text and no empty line"),
        pytest.param(_BODY + "\n" + _LINE.replace("— ", "- "), id="a hyphen"),
        pytest.param(_BODY + "\n" + _LINE.replace("— ", "– "), id="a shorter dash"),
        pytest.param(_BODY + "\n" + _LINE.replace("— ", "—"), id="no space behind the dash"),
        pytest.param(_BODY + "\n" + _LINE.replace("— ", "—  "), id="two spaces behind the dash"),
        pytest.param(_BODY + "\n" + _LINE.replace("— ", " — "), id="a space before the dash"),
        pytest.param(_BODY + "\n" + _LINE.replace(" ", "\u00a0"), id="spaces that are none"),
        pytest.param(_BODY + "\n" + _LINE[:-1] + " \n", id="a space behind"),
        pytest.param(_BODY + "\n" + _LINE.replace(f"{_NAME} ", f"{_NAME}  "), id="two spaces behind the name"),
        pytest.param(_BODY + "\n— " + _LINE.split(" ")[2], id="no name"),
        pytest.param(_BODY + "\n—  " + _LINE.split(" ")[2], id="an empty name"),
        pytest.param(_BODY + f"\n— {_NAME}\n" + _LINE, id="a line without a signature"),
        pytest.param(_BODY + f"\n— {_NAME} \n" + _LINE, id="a line with an empty signature"),
        pytest.param(_BODY + "\n— a+b AAAAAAE=\n" + _LINE, id="a plus sign in a stranger's name"),
        pytest.param(_BODY + "\n— a\u2003b AAAAAAE=\n" + _LINE, id="a Unicode space in a stranger's name"),
        pytest.param(_BODY + "\n— x AAAAAA==\n" + _LINE, id="a signature of no bytes"),
        pytest.param(_BODY + "\n— x AAAA\n" + _LINE, id="an id cut short"),
        pytest.param(_BODY + "\n— x AAAAAAE\n" + _LINE, id="padding missing"),
        pytest.param(_BODY + "\n— x AAAAAAE==\n" + _LINE, id="padding too long"),
        pytest.param(_BODY + "\n— x AAAAAAF=\n" + _LINE, id="spare bits set"),
        pytest.param(_BODY + "\n— x AAAA_AE=\n" + _LINE, id="base64 of addresses"),
        pytest.param(_BODY + "\n— x AA=AAAE=\n" + _LINE, id="padding inside"),
        pytest.param(_BODY + "\n" + _STRANGER * 100 + _LINE, id="a hundred and one lines"),
        pytest.param(_BODY.replace("7", "8") + "\n" + _LINE, id="another text"),
        pytest.param(_BODY + "\n" + line("x") + _LINE, id="a wrong line of a known key first"),
        pytest.param(_BODY + "\n" + _LINE + line("x"), id="a wrong line of a known key last"),
        pytest.param(_BODY + "\n" + _STRANGER, id="strangers only"),
        pytest.param(_BODY + "\n" + line(_BODY, name="other.example"), id="our id under another name"),
        pytest.param(_BODY + "\n" + line(_BODY, number=bytes(4)), id="our name with another id"),
        pytest.param(_BODY.replace("\n", "\r\n") + "\n" + line(_BODY.replace("\n", "\r\n")), id="carriage returns"),
        pytest.param("a\0b\n\n" + line("a\0b\n"), id="NUL"),
        pytest.param("a\tb\n\n" + line("a\tb\n"), id="a tab"),
        pytest.param("a\x1fb\n\n" + line("a\x1fb\n"), id="the last control letter"),
    ],
)
def test_notes_that_do_not_hold(note: str) -> None:
    assert not _opens(note)


@pytest.mark.parametrize("raw", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x80"])
def test_notes_are_utf_8(raw: bytes) -> None:
    """A stray byte, a NUL written too long, half a surrogate pair, beyond Unicode, a letter cut off."""
    text = raw + b"\n"
    made = base64.b64encode(_ID + _SECRET.sign(text))
    assert not _opens(text + b"\n" + "— ".encode() + _NAME.encode() + b" " + made + b"\n")


def test_an_endless_note_is_refused_before_it_is_read() -> None:
    """Above a mebibyte nothing is looked at; below, a text may be long."""
    text = "a" * 500_000 + "\n"
    assert _opens(text + "\n" + line(text))
    text = "a" * (1 << 20) + "\n"
    assert not _opens(text + "\n" + line(text))


@pytest.mark.parametrize("name", ["a b", "a\u00a0b", "a\u3000b", "a\u2028b", "a\x85b", "a+b", "", "\ud800", "a\udcff"])
@pytest.mark.parametrize("kind", [KeyKind.ED25519, KeyKind.COSIGNATURE, KeyKind.ML_DSA_44])
def test_names_that_no_key_bears(name: str, kind: KeyKind) -> None:
    """Unicode spaces, plus signs, nothing, and what is no UTF-8: refused as InputError when made and when read."""
    with pytest.raises(InputError) as caught:
        generate_key(name, kind)
    caught.value.text("zh").encode()
    with pytest.raises(InputError) as caught:
        Verifier(f"{name}+{_ID.hex()}+{_VKEY.rpartition('+')[2]}")
    caught.value.text("en").encode()


@pytest.mark.parametrize(
    "vkey",
    [
        _VKEY.replace(_ID.hex(), _ID.hex().upper()),
        _VKEY.replace(_ID.hex(), _ID.hex()[1:]),
        _VKEY.replace(_ID.hex(), "0" + _ID.hex()),
        _VKEY.replace(_ID.hex(), "+" + _ID.hex()[1:]),
        _VKEY + "\n",
        _VKEY + "+",
        _VKEY[:-1],
        _VKEY[:-1] + "=",
        _VKEY.replace("+A", "+B"),
        key_text(_NAME, 1, _PUBLIC, bytes(4)),
        key_text(_NAME, 1, _PUBLIC[:-1]),
        key_text(_NAME, 1, _PUBLIC + b"\0"),
        key_text(_NAME, 6, _PUBLIC),
        *(key_text(_NAME, kind, _PUBLIC) for kind in (0, 2, 3, 5, 7, 0xFA, 0xFF)),
        key_text(_NAME, 1, b""),
        f"{_NAME}+{_ID.hex()}+",
    ],
)
def test_texts_that_are_no_public_key(vkey: str) -> None:
    with pytest.raises(InputError):
        Verifier(vkey)


_SIZES = {"0", "1", "9", "10", "20852163", str(2**53 + 1), str(2**63 - 1), str(2**63), str(2**64 - 1)}
_NO_SIZES = [
    *("", "00", "01", "-1", "+1", "1 ", " 1", "1.0", "1e3", "0x10", "1_000", "1,000", "ten"),
    *("\u0661", "\uff11", "\u00b2", "1\u200b", str(2**64), str(10**20), "9" * 400),
]


@pytest.mark.parametrize("size", sorted(_SIZES))
def test_sizes_of_checkpoints(size: str) -> None:
    """Decimal numbers as far as the formats carry them: 64 bits."""
    assert _is_checkpoint(f"{_NAME}\n{size}\n{_ROOT}\n")


@pytest.mark.parametrize("size", _NO_SIZES)
def test_what_is_no_size(size: str) -> None:
    """Leading zeros, signs, spaces, other digits of Unicode, and more than 64 bits."""
    assert not _is_checkpoint(f"{_NAME}\n{size}\n{_ROOT}\n")


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (_BODY, True),
        (_BODY + "extension\n", True),
        (_BODY + "one\ntwo 2 \n—\n", True),
        (_BODY + "\n", False),
        (_BODY + "\none\n", False),
        (_BODY + "one\n\ntwo\n", False),
        (f"{_NAME}\n7\n", False),
        (f"{_NAME}\n", False),
        (f"\n{_BODY}", False),
        (f" {_BODY}", False),
        (_BODY.replace(_NAME, _NAME + " "), False),
        (_BODY.replace(_NAME, "other.example/log"), False),
        (f"{_NAME}\n7\n\n{_ROOT}\n", False),
        (f"{_NAME}\n7\n{_ROOT[:-1]}\n", False),
        (f"{_NAME}\n7\n{_ROOT}=\n", False),
        (f"{_NAME}\n7\n{_ROOT} \n", False),
        (f"{_NAME}\n7\n{_ROOT[:-2]}9=\n", False),
        (f"{_NAME}\n7\n{base64.b64encode(bytes(31)).decode()}\n", False),
        (f"{_NAME}\n7\n{base64.b64encode(bytes(33)).decode()}\n", False),
        (f"{_NAME}\n7\n{bytes(32).hex()}\n", False),
        (f"{_NAME}\n{_ROOT}\n7\n", False),
    ],
)
def test_lines_of_checkpoints(text: str, good: bool) -> None:
    """Origin, size, root, and extension lines that are not empty; the origin is the name of the key that signed."""
    assert _is_checkpoint(text) is good


@pytest.mark.parametrize("origin", ["go.sum database tree", "a+b", "中文 日志", " x", "a\u2028b", "/", "https://x/"])
def test_an_origin_is_any_line(origin: str) -> None:
    """Nothing is assumed of its form; whose key signs for it is another question."""
    assert read_checkpoint(f"{origin}\n1\n{_ROOT}\n").origin == origin


def _cosigned(kind: KeyKind, time_s: int, text: str = _BODY, cut: int | None = None) -> tuple[bytes, Verifier]:
    """A cosigned note whose line is written by hand, whatever the time; `cut` bytes of the signature are left."""
    signer = Signer(generate_key("w.example/1", kind)[0])
    name, (origin, size, root) = b"w.example/1", text.split("\n")[:3]
    if kind is KeyKind.COSIGNATURE:
        message = f"cosignature/v1\ntime {time_s}\n{text}".encode()
    else:
        numbers = struct.pack(">QQ", 0, int(size)) + base64.b64decode(root)
        parts = bytes([len(name)]) + name + struct.pack(">Q", time_s) + bytes([len(origin.encode())]) + origin.encode()
        message = b"subtree/v1\n\0" + parts + numbers
    made = (struct.pack(">Q", time_s) + signer.sign(message))[:cut]
    encoded = base64.b64encode(signer.id + made).decode()
    return f"{text}\n{line(text)}— w.example/1 {encoded}\n".encode(), signer.verifier


@pytest.mark.parametrize("kind", [KeyKind.COSIGNATURE, KeyKind.ML_DSA_44])
def test_cosignatures_written_by_hand(kind: KeyKind) -> None:
    """Times from 0 to 2^63 − 1, extension lines, the bytes of the specification; nothing shorter, nothing later."""
    for time_s in (0, 1, 1_679_315_147, (1 << 63) - 1):
        for text in (_BODY, _BODY.replace("7", "0"), _BODY + "extension\n"):
            note, verifier = _cosigned(kind, time_s, text)
            assert open_note(note, [Verifier(_VKEY), verifier])[1] == (_NAME, "w.example/1")
            witnesses = f"witness w {verifier.vkey}\nquorum w\n".encode()
            assert check_policy(parse_policy(witnesses), note, [Verifier(_VKEY)]).witnesses == {"w": time_s}
    whole = 8 + (64 if kind is KeyKind.COSIGNATURE else 2420)
    wrong = [_cosigned(kind, 1 << 63), _cosigned(kind, (1 << 64) - 1)]
    wrong += [_cosigned(kind, 5, cut=cut) for cut in (1, 7, 8, 9, whole - 1)]
    for note, verifier in wrong:
        assert _opens(note), "to who does not know the witness its line says nothing"
        with pytest.raises(TamperError):
            open_note(note, [Verifier(_VKEY), verifier])


def test_a_cosignature_covers_extension_lines_as_the_specification_says() -> None:
    """The line of Ed25519 is over the whole text; ML-DSA-44 says nothing of extensions: there the log's line speaks."""
    longer = _BODY + "extension\n"
    for kind, holds in ((KeyKind.COSIGNATURE, False), (KeyKind.ML_DSA_44, True)):
        note, verifier = _cosigned(kind, 5)
        moved = read_note(note).signatures[1]
        changed = (longer + "\n" + line(longer) + moved.line()).encode()
        if holds:
            assert open_checkpoint(changed, [Verifier(_VKEY), verifier]).extensions == ("extension",)
        else:
            with pytest.raises(TamperError):
                open_note(changed, [Verifier(_VKEY), verifier])
