"""A reader of whole logs, policies and domestic proofs, written from docs/verifier.md and docs/ledger.md alone.

No line of it is ours but the test's: hashes and signatures come from elsewhere, SM2 from the formulas of its standard.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

_SM2 = b"tallystick/sm2-sm3/v1"
_P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
_A = _P - 3
_B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
_N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
_G = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
Point = tuple[int, int] | None


class Refused(Exception):
    """The stranger does not accept it."""


def need(holds: object) -> None:
    if not holds:
        raise Refused


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def decoded(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raise Refused from None
    need(base64.b64encode(raw).decode() == text)
    return raw


def number(text: str) -> int:
    need(re.fullmatch("0|[1-9][0-9]{0,19}", text) and int(text) < 2**64)
    return int(text)


def key(vkey: str) -> tuple[str, bytes, int, bytes]:
    name, number_, encoded = vkey.split("+", 2)
    raw = decoded(encoded)
    need(sha256(name.encode() + b"\n" + raw)[:4].hex() == number_)
    return name, bytes.fromhex(number_), raw[0], raw[1:]


def signed_by(note: bytes, vkeys: list[str]) -> tuple[list[str], set[str]]:
    """The lines of the text, and which of these keys signed it."""
    try:
        whole = note.decode()
    except UnicodeDecodeError:
        raise Refused from None
    need(len(note) <= 1 << 20 and whole.endswith("\n") and all(letter >= " " or letter == "\n" for letter in whole))
    text, blank, rest = whole.rpartition("\n\n")
    text, lines = text + "\n", rest[:-1].split("\n")
    need(blank and 1 <= len(lines) <= 100)
    known = {key(vkey)[:2]: vkey for vkey in vkeys}
    found = set()
    for line in lines:
        parts = re.fullmatch(r"— ([^\s+]+) (\S+)", line)
        need(parts)
        assert parts is not None
        raw = decoded(parts[2])
        need(len(raw) > 4)
        vkey = known.get((parts[1], raw[:4]))
        if vkey is not None:
            need(holds(vkey, text, raw[4:]))
            found.add(vkey)
    return checkpoint(text), found


def checkpoint(text: str) -> list[str]:
    lines = text.split("\n")
    need(len(lines) >= 4 and lines.pop() == "" and all(lines))
    number(lines[1])
    need(len(decoded(lines[2])) == 32)
    return lines


def holds(vkey: str, text: str, signature: bytes) -> bool:
    name, _, kind, public = key(vkey)
    time, signature = (b"", signature) if kind == 1 else (signature[:8], signature[8:])
    seconds = int.from_bytes(time)
    if kind != 1 and (len(time) < 8 or seconds >= 2**63):
        return False
    if kind == 1:
        message = text.encode()
    elif kind == 4:
        message = f"cosignature/v1\ntime {seconds}\n{text}".encode()
    elif kind == 255:
        return sm2_holds(public, f"{_SM2.decode()}\ntime {seconds}\n{text}".encode(), signature)
    else:
        origin, size, root = checkpoint(text)[:3]
        names = [bytes([len(item.encode())]) + item.encode() for item in (name, origin)]
        message = b"subtree/v1\n\0" + names[0] + time + names[1] + bytes(8) + int(size).to_bytes(8) + decoded(root)
    try:
        if kind == 6:
            MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)
        else:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def accepts(policy: str, note: bytes, log: str) -> set[str]:
    """The witnesses of a policy who cosigned, when they are its quorum and the log has signed."""
    witnesses: dict[str, str] = {}
    groups: dict[str, tuple[int, list[str]]] = {}
    quorum = ""
    for line in policy.split("\n"):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "witness":
            witnesses[words[1]] = words[2]
        elif words[0] == "group":
            members = words[3:]
            groups[words[1]] = (int({"any": "1", "all": str(len(members))}.get(words[2], words[2])), members)
        elif words[0] == "quorum":
            quorum = words[1]
    lines, found = signed_by(note, [log, *witnesses.values()])
    need(log in found and lines[0] == key(log)[0])
    cosigned = {name for name, vkey in witnesses.items() if vkey in found}

    def held(name: str) -> bool:
        if name not in groups:
            return name == "none" or name in cosigned
        return sum(held(member) for member in groups[name][1]) >= groups[name][0]

    need(held(quorum))
    return cosigned


def whole_log(folder: Path, vkey: str) -> int:
    """The size of a log that lies as static files, every tile and entry of it checked."""
    hashed = "sm3" if key(vkey)[2] == 255 else "sha256"
    lines, found = signed_by((folder / "checkpoint").read_bytes(), [vkey])
    need(found and lines[0] == key(vkey)[0])
    size = number(lines[1])
    hashes = []
    for tile in tiles(size):
        data = (folder / "tile/entries" / tile[0]).read_bytes()
        entries = []
        while data:
            length = int.from_bytes(data[:2])
            need(len(data) >= 2 + length)
            entries.append(data[2 : 2 + length])
            data = data[2 + length :]
        need(len(entries) == tile[1])
        hashes += [hashlib.new(hashed, b"\0" + entry).digest() for entry in entries]
    need(root(hashes, hashed) == decoded(lines[2]))
    level, above = 0, hashes
    while above:
        for at, (name, width) in enumerate(tiles(len(above))):
            need((folder / f"tile/{level}" / name).read_bytes() == b"".join(above[256 * at : 256 * at + width]))
        level, above = level + 1, [root(above[at : at + 256], hashed) for at in range(0, len(above) - 255, 256)]
    return size


def tiles(count: int) -> Iterator[tuple[str, int]]:
    """Name and width of the tiles of a level of so many hashes."""
    for at in range(0, count, 256):
        groups = [f"{at // 256:09d}"[place : place + 3] for place in (0, 3, 6)]
        while len(groups) > 1 and groups[0] == "000":
            groups.pop(0)
        name, width = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]]), min(256, count - at)
        yield (name if width == 256 else f"{name}.p/{width}"), width


def root(hashes: list[bytes], hashed: str = "sha256") -> bytes:
    if len(hashes) < 2:
        return hashes[0] if hashes else hashlib.new(hashed).digest()
    half = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.new(hashed, b"\1" + root(hashes[:half], hashed) + root(hashes[half:], hashed)).digest()


def domestic_proof(data: bytes, vkey: str) -> tuple[int, int]:
    """Place and size that a domestic proof file shows, its record checked where it reveals one."""
    document = json.loads(data)
    plain = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"
    need(plain.encode() == data and document["format"] == "tallystick-proof@1" and document["profile"] == "domestic")
    need(set(document) - {"files"} == {"format", "leaf", "payload", "profile", "salt", "tlog_proof"})
    need((document["payload"] is None) == (document["salt"] is None))
    names = [file["name"] for file in document.get("files", [{"name": ""}])]
    need(names and names == sorted(set(names)))
    for file in document.get("files", []):
        need(set(file) == {"data", "name", "sm3"})
        need(sm3(file["name"].encode() + b"\0" + decoded(file["data"])).hex() == file["sm3"])
    head, _, note = document["tlog_proof"].partition("\n\n")
    first, index, *path = head.split("\n", 66)
    need(first == "tallystick/sm3/tlog-proof@v1" and index.startswith("index ") and len(path) <= 64)
    lines, found = signed_by(note.encode(), [vkey])
    need(found and lines[0] == key(vkey)[0] and key(vkey)[2] == 255)
    size, leaf = number(lines[1]), document["leaf"].encode()
    at, last, result = number(index[6:]), size - 1, sm3(b"\0" + leaf)
    need(at < size)
    for sibling in map(decoded, path):
        need(last > 0 and len(sibling) == 32)
        if at % 2 or at == last:
            result = sm3(b"\1" + sibling + result)
            while at and at % 2 == 0:
                at, last = at // 2, last // 2
        else:
            result = sm3(b"\1" + result + sibling)
        at, last = at // 2, last // 2
    need(last == 0 and result == decoded(lines[2]))
    if document["payload"] is not None:
        need(re.fullmatch("[0-9a-f]{64}", document["salt"]))
        digest = sm3(bytes.fromhex(document["salt"]) + decoded(document["payload"])).hex()
        need(json.loads(leaf)["digest"] == f"sm3:{digest}")
    return number(index[6:]), size


def sm3(data: bytes) -> bytes:
    return hashlib.new("sm3", data).digest()


def sm2_holds(public: bytes, message: bytes, signature: bytes) -> bool:
    """Verification of GB/T 32918.2 with the identity that the page names."""
    if public[: len(_SM2)] != _SM2 or len(public) != len(_SM2) + 65 or len(signature) != 64:
        return False
    encoded = public[len(_SM2) :]
    x, y = int.from_bytes(encoded[1:33]), int.from_bytes(encoded[33:])
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    if encoded[0] != 4 or (y * y - x**3 - _A * x - _B) % _P or not 0 < r < _N or not 0 < s < _N:
        return False
    identity = b"1234567812345678"
    curve = b"".join(value.to_bytes(32) for value in (_A, _B, *_G, x, y))
    z = sm3((8 * len(identity)).to_bytes(2) + identity + curve)
    e, t = int.from_bytes(sm3(z + message)), (r + s) % _N
    point = add(times(s, _G), times(t, (x, y)))
    return t != 0 and point is not None and (e + point[0]) % _N == r


def times(factor: int, point: Point) -> Point:
    result: Point = None
    while factor:
        result = add(result, point) if factor & 1 else result
        point, factor = add(point, point), factor >> 1
    return result


def add(one: Point, other: Point) -> Point:
    if one is None or other is None:
        return one or other
    if one[0] == other[0] and (one[1] + other[1]) % _P == 0:
        return None
    if one == other:
        slope = (3 * one[0] ** 2 + _A) * pow(2 * one[1], -1, _P)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, _P)
    x = (slope * slope - one[0] - other[0]) % _P
    return x, (slope * (one[0] - x) - one[1]) % _P
