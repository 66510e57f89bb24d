"""Base64 as the open formats want it: one text per value, so that no letter can be changed unseen."""

from __future__ import annotations

import base64
import binascii


def encode_base64(raw: bytes) -> str:
    """The text of RFC 4648, section 4, with padding."""
    return base64.b64encode(raw).decode()


def decode_base64(text: str) -> bytes | None:
    """The bytes of base64 text, or None when it is not the one text of its value.

    Examples
    --------
    >>> decode_base64("AQ=="), decode_base64("AR=="), decode_base64("A Q==")
    (b'\\x01', None, None)
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if encode_base64(raw) == text else None
