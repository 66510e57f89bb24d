"""Limit and price by grade, in whole minor units and whole basis points; and how they follow from risk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from statistics import NormalDist
from typing import Literal

import msgspec
import numpy as np
import polars as pl

from tallystick.core import InputError
from tallystick.models.frames import Ints
from tallystick.models.portfolio.words import WORDS

_LARGEST = 2**63 - 1


class Offer(msgspec.Struct, frozen=True):
    """What one applicant is offered: the limit in minor units, None where its base is missing, and the yearly price."""

    limit_minor: int | None
    price_bps: int


class Terms(msgspec.Struct, frozen=True):
    """Limit and price of every grade of a master scale.

    Attributes
    ----------
    base
        The money label that a limit is a multiple of, such as a monthly income; "" takes the caps as limits.
    multiples
        Of the base, for each grade, at least 0, taken as the decimal that is written; empty without a base.
    caps
        The greatest limit of each grade, in minor units; 0 offers nothing.
    prices_bps
        The yearly price of each grade, in basis points.

    Examples
    --------
    >>> terms = Terms("income_1m", (3.0, 0.5), (1_000_000, 200_000), (590, 1490))
    >>> terms.offer(0, 250_000), terms.offer(1, 250_001).limit_minor, terms.offer(0, None).limit_minor
    (Offer(limit_minor=750000, price_bps=590), 125000, None)
    """

    base: str = ""
    multiples: tuple[float, ...] = ()
    caps: tuple[int, ...] = ()
    prices_bps: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        grades = len(self.prices_bps)
        if not grades:
            raise InputError(WORDS("terms.shape", name="prices_bps", given=0, grades="≥ 1"))
        for name, given, size in (
            ("multiples", self.multiples, grades if self.base else 0),
            ("caps", self.caps, grades),
        ):
            if len(given) != size:
                raise InputError(WORDS("terms.shape", name=name, given=len(given), grades=size))
        for multiple in self.multiples:
            if not 0.0 <= multiple <= 1e6:
                raise InputError(WORDS("terms.value", name="multiples", given=multiple, allowed="0–1000000"))
        for name, values, most in (("caps", self.caps, _LARGEST), ("prices_bps", self.prices_bps, 1_000_000)):
            for value in values:
                if not 0 <= value <= most:
                    raise InputError(WORDS("terms.value", name=name, given=value, allowed=f"0–{most}"))

    def offer(self, index: int, base_minor: int | None = None) -> Offer:
        """The offer for a grade: min(cap, base × multiple rounded down to a minor unit), at least 0.

        Parameters
        ----------
        index
            Place of the grade on the master scale.
        base_minor
            Value of the label `base` in minor units, None where it is missing.
        """
        if not 0 <= index < len(self.caps):
            raise InputError(WORDS("terms.grade", given=index, last=len(self.caps) - 1))
        if not self.base:
            return Offer(self.caps[index], self.prices_bps[index])
        if base_minor is None:
            return Offer(None, self.prices_bps[index])
        times, over = Decimal(repr(self.multiples[index])).as_integer_ratio()
        limit = max(min(self.caps[index], base_minor * times // over), 0)
        return Offer(limit, self.prices_bps[index])

    def offers(self, indices: Ints, base_minor: pl.Series | None = None) -> pl.DataFrame:
        """`offer` of every row: columns `limit_minor` (null where the base is missing) and `price_bps`, Int64.

        Parameters
        ----------
        indices
            Places of grades.
        base_minor
            Int64 values of the label `base`, null where missing; needed where there is a base.
        """
        place = np.asarray(indices, dtype=np.int64)
        if place.size and not 0 <= int(place.min()) <= int(place.max()) < len(self.caps):
            wrong = int(place[(place < 0) | (place >= len(self.caps))][0])
            raise InputError(WORDS("terms.grade", given=wrong, last=len(self.caps) - 1))
        price = pl.Series("price_bps", np.asarray(self.prices_bps, dtype=np.int64)[place])
        caps = np.asarray(self.caps, dtype=np.int64)[place]
        if not self.base:
            return pl.DataFrame([pl.Series("limit_minor", caps), price])
        given = pl.Series([None] * place.size, dtype=pl.Int64) if base_minor is None else base_minor.cast(pl.Int64)
        missing = given.is_null()
        whole = given.fill_null(0).to_numpy()
        limit = np.empty(place.size, dtype=np.int64)
        for grade, multiple in enumerate(self.multiples):
            rows = np.flatnonzero(place == grade)
            if rows.size:
                limit[rows] = _times(whole[rows], multiple, self.caps[grade])
        return pl.DataFrame([pl.Series("limit_minor", limit).set(missing, None), price])


def _times(base: Ints, multiple: float, cap: int) -> Ints:
    """min(cap, base × multiple) rounded down, at least 0, exactly; beyond 64 bits in Python's integers."""
    times, over = Decimal(repr(multiple)).as_integer_ratio()
    if times and max(abs(int(base.max())), abs(int(base.min()))) > _LARGEST // times:
        return np.array([max(min(cap, b * times // over), 0) for b in base.tolist()], dtype=np.int64)
    return (
        np.asarray(np.clip(base * times // over, 0, cap), dtype=np.int64) if over <= _LARGEST else np.zeros_like(base)
    )


class Pricing(msgspec.Struct, frozen=True):
    """What a price must cover, as shares of the exposure in a year.

    Attributes
    ----------
    lgd
        Loss given default, in [0, 1].
    funding, cost
        Rate of borrowed money and cost of running the account, such as 0.03.
    capital
        Equity held for one unit of exposure, in [0, 1]; None takes the Basel formula for `exposure` at each PD.
    exposure
        Kind of exposure in the Basel formula.
    hurdle
        Return asked of equity before tax.
    max_price_bps
        Above it nothing is offered (a usury limit).
    """

    lgd: float = 0.45
    funding: float = 0.03
    cost: float = 0.02
    capital: float | None = None
    exposure: Literal["retail", "revolving", "mortgage"] = "retail"
    hurdle: float = 0.12
    max_price_bps: int = 10_000

    def __post_init__(self) -> None:
        shares = (("lgd", self.lgd), ("funding", self.funding), ("cost", self.cost), ("hurdle", self.hurdle))
        for name, given in (*shares, ("capital", self.capital or 0.0)):
            if not 0.0 <= given <= 1.0:
                raise InputError(WORDS("terms.value", name=name, given=given, allowed="0–1"))
        if not 0 <= self.max_price_bps <= 1_000_000:
            raise InputError(WORDS("terms.value", name="max_price_bps", given=self.max_price_bps, allowed="0–1000000"))


def basel_capital(pd: float, lgd: float, exposure: Literal["retail", "revolving", "mortgage"] = "retail") -> float:
    """Capital for the unexpected loss of one unit of exposure, by the IRB formula for retail.

    K = LGD · Φ((Φ⁻¹(PD) + √R Φ⁻¹(.999)) / √(1 − R)) − PD · LGD, with R = .15 (mortgage), .04 (revolving), else
    between .03 and .16, less the higher PD is. Source: Basel Framework CRE31.13–16; PD is floored at .0003.

    Examples
    --------
    >>> round(12.5 * basel_capital(0.01, 0.45), 4)
    0.4577
    """
    p = min(max(pd, 0.0003), 1.0)
    if p == 1.0:
        return 0.0
    falling = (1.0 - math.exp(-35.0 * p)) / (1.0 - math.exp(-35.0))
    r = {"mortgage": 0.15, "revolving": 0.04}.get(exposure, 0.03 * falling + 0.16 * (1.0 - falling))
    normal = NormalDist()
    stressed = normal.cdf((normal.inv_cdf(p) + math.sqrt(r) * normal.inv_cdf(0.999)) / math.sqrt(1.0 - r))
    return max(lgd * stressed - p * lgd, 0.0)


def price_of(pd: float, pricing: Pricing) -> int | None:
    """The yearly price in basis points, rounded up, that pays for losses, funding, cost and equity; None at PD 1.

    (PD · LGD + funding · (1 − K) + cost + hurdle · K) / (1 − PD): only those who pay bring the price in, and equity K
    replaces borrowed money. Computed exactly from the decimals given.

    Examples
    --------
    >>> price_of(0.02, Pricing(lgd=0.5, funding=0.03, cost=0.02, capital=0.1, hurdle=0.1))
    684
    """
    if not 0.0 <= pd <= 1.0:
        raise InputError(WORDS("scale.pd", given=pd))
    if pd == 1.0:
        return None
    capital = basel_capital(pd, pricing.lgd, pricing.exposure) if pricing.capital is None else pricing.capital
    p, lgd, funding, cost, k, hurdle = (
        Fraction(repr(x)) for x in (pd, pricing.lgd, pricing.funding, pricing.cost, capital, pricing.hurdle)
    )
    return math.ceil(10_000 * (p * lgd + funding * (1 - k) + cost + hurdle * k) / (1 - p))


def fit_terms(
    pds: Sequence[float],
    pricing: Pricing,
    *,
    appetite_minor: int,
    cap_minor: int,
    base: str = "",
    multiples: Sequence[float] = (),
) -> Terms:
    """Terms that follow from the PD of each grade.

    Parameters
    ----------
    pds
        The probability that stands for each grade, in [0, 1], as `check_scale` gives it.
    appetite_minor
        The expected loss that one customer may bring in a year, in minor units: the limit is at most
        appetite / (PD · LGD).
    cap_minor
        The greatest limit of any grade, in minor units.
    base, multiples
        As in `Terms`.

    Returns
    -------
    Terms
        A grade that would cost more than `max_price_bps` has the cap 0.

    Examples
    --------
    >>> terms = fit_terms((0.01, 0.04, 0.7), Pricing(lgd=0.5), appetite_minor=5_000, cap_minor=2_000_000)
    >>> terms.caps
    (1000000, 250000, 0)
    """
    for name, given in (("appetite_minor", appetite_minor), ("cap_minor", cap_minor)):
        if not 0 <= given <= _LARGEST:
            raise InputError(WORDS("terms.value", name=name, given=given, allowed=f"0–{_LARGEST}"))
    caps, prices = [], []
    for pd in pds:
        price = price_of(pd, pricing)
        loss = Fraction(repr(float(pd))) * Fraction(repr(pricing.lgd))
        cap = min(cap_minor, math.floor(appetite_minor / loss)) if loss else cap_minor
        offered = price is not None and price <= pricing.max_price_bps
        caps.append(cap if offered else 0)
        prices.append(price if price is not None and offered else pricing.max_price_bps)
    return Terms(base, tuple(multiples), tuple(caps), tuple(prices))
