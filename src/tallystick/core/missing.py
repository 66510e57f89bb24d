"""Missing is a value with a reason."""

from __future__ import annotations

from enum import StrEnum


class Missing(StrEnum):
    """Why there is no value: no engine drops a row, none invents a value.

    Examples
    --------
    >>> Missing.NEVER_SEEN
    <Missing.NEVER_SEEN: 'never_seen'>
    """

    NEVER_SEEN = "never_seen"
    """The key had no fact at all that was known by then."""
    EXPIRED = "expired"
    """The key had facts, but none inside the window."""
    NOT_YET_KNOWN = "not_yet_known"
    """Facts lie in the window, but were known only later."""
    SOURCE_NULL = "source_null"
    """The source itself has no value there."""
    UNDEFINED = "undefined"
    """The arithmetic has no value: division by zero, a sample deviation of fewer than two."""
