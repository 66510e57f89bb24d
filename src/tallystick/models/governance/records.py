"""What a recipe declares of a model's life, and what happens in it."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Literal

import msgspec

from tallystick.core import Instant

_Positive = Annotated[float, msgspec.Meta(gt=0)]
_Share = Annotated[float, msgspec.Meta(gt=0, le=1)]


class Governance(msgspec.Struct, frozen=True):
    """The section [NAME.governance] of models.toml.

    Attributes
    ----------
    owner
        Who answers for the model; may not approve it.
    developers
        Who built it; may not approve it either.
    approvals
        So many different people must approve a version before it may be champion; 0: the gates alone promote.
    approvers
        Who may approve; anybody but owner and developers while it is empty.
    expires
        A span such as "365d", counted from the approvals, or from the promotion where the gates promote; "" never.
    when_expired
        "serve": an expired champion goes on answering, with a warning; "refuse": no desk opens with it.
    purpose
        What the model is for.
    limits
        What it must not be used for, and where it is known to be weak.
    """

    owner: str = ""
    developers: tuple[str, ...] = ()
    approvals: Annotated[int, msgspec.Meta(ge=0, le=9)] = 0
    approvers: tuple[str, ...] = ()
    expires: str = ""
    when_expired: Literal["serve", "refuse"] = "serve"
    purpose: str = ""
    limits: str = ""


class Monitor(msgspec.Struct, frozen=True):
    """The section [NAME.monitor] of models.toml: beyond which values a month raises an alarm.

    Attributes
    ----------
    psi_max
        PSI of the points against development.
    label_psi_max
        PSI of a label against development, its missing values counted as a bin.
    missing_rise_max
        Rise of a label's share of missing values over development.
    auc_drop_max
        Drop of the AUC below what the model was judged by.
    rate_ratio
        Observed over predicted bad rate: lowest and highest.
    rows_min
        A month with fewer rows raises no alarm of drift.
    events_min
        A month with fewer bad, or fewer good, ripe outcomes raises no alarm of performance.
    """

    psi_max: _Positive = 0.25
    label_psi_max: _Positive = 0.25
    missing_rise_max: _Share = 0.1
    auc_drop_max: _Share = 0.05
    rate_ratio: tuple[_Positive, _Positive] = (0.67, 1.5)
    rows_min: Annotated[int, msgspec.Meta(ge=1)] = 200
    events_min: Annotated[int, msgspec.Meta(ge=1)] = 20


EventKind = Literal["stored", "validated", "approved", "promoted", "challenger", "retired"]
Status = Literal["candidate", "approved", "champion", "challenger", "retired"]


class Event(msgspec.Struct, frozen=True):
    """One step in the life of a version.

    Attributes
    ----------
    by
        Who took the step as they named themselves; "" where the gates or a command did.
    at
        When, in microseconds UTC.
    comment
        Why, in their words.
    report
        SHA-256 (hex) of the validation report that it stands on; of "validated" and "approved" alone.
    passed
        Whether that report found no fault; of "validated" alone.
    """

    kind: EventKind
    name: str
    version: str
    by: str
    at: Instant
    comment: str = ""
    report: str = ""
    passed: bool = True


def person(name: str) -> str:
    """One spelling of a person's name, so that nobody approves twice under two.

    Case, width, accents, punctuation, invisible characters and the order of the words do not count.

    Examples
    --------
    >>> person("  Ann  LEE ") == person("Lee, Ann") == person("ann.lée")
    True
    """
    plain = unicodedata.normalize("NFKD", name).casefold()
    kept = []
    for sign in unicodedata.normalize("NFKD", plain):
        kind = unicodedata.category(sign)
        # The marks of other scripts are letters of a name; those of Latin and Greek are accents.
        if kind != "Cf" and not "\u0300" <= sign <= "\u036f":
            kept.append(sign if kind[0] in "LMN" else " ")
    return " ".join(sorted("".join(kept).split()))
