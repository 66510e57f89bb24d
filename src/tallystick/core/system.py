"""What the operating system refuses, in words of either language."""

from __future__ import annotations

from errno import errorcode

from tallystick.core.messages import Message
from tallystick.core.words import WORDS


def system_words(error: OSError) -> Message:
    """Why the operating system refused.

    Parameters
    ----------
    error
        What it raised; one without a number, or with a rare one, is said in its own words.

    Returns
    -------
    Message
        A value for the message that says what could not be done, and where.

    Examples
    --------
    >>> from errno import ENOSPC
    >>> system_words(OSError(ENOSPC, "No space left on device")).text("zh")
    '磁盘空间不足'
    """
    code = f"system.{errorcode.get(error.errno or 0, '')}"
    return WORDS(code) if code in WORDS else WORDS("system.other", why=error.strerror or str(error))
