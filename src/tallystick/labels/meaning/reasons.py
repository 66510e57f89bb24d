"""Why a label has no value."""

REASONS = ("", "never_seen", "expired", "not_yet_known", "source_null", "undefined")
"""By number; 0 means that there is a value."""

NEVER_SEEN, EXPIRED, NOT_YET_KNOWN, SOURCE_NULL, UNDEFINED = 1, 2, 3, 4, 5
