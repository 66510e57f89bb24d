"""Money: whole minor units and a currency, parsed and printed exactly."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import msgspec

from tallystick.core.errors import InputError
from tallystick.core.words import WORDS

_DIGITS = dict.fromkeys(
    [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ],
    0,
)
_DIGITS |= dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3)
_DIGITS |= dict.fromkeys(["CLF", "UYW"], 4)
_LARGEST = 2**63 - 1


def minor_digits(currency: str) -> int:
    """Decimals of a currency's minor unit (ISO 4217): EUR 2, JPY 0, BHD 3.

    Raises
    ------
    InputError
        When `currency` is not three capital letters.
    """
    if len(currency) != 3 or not (currency.isascii() and currency.isalpha() and currency.isupper()):
        raise InputError(WORDS("money.currency", given=currency))
    return _DIGITS.get(currency, 2)


def parse_scaled(text: str | int | Decimal, digits: int, unit: str) -> int:
    """Read a decimal number exactly as a whole number of 10^-digits.

    Parameters
    ----------
    text
        Decimal text, with or without an exponent, an int or a Decimal. A float is refused: it has no exact decimal.
    digits
        Decimals kept, 0 to 18.
    unit
        What is counted, for the error text.

    Raises
    ------
    InputError
        When the text is no finite number, needs more decimals, or leaves the 64-bit range.
    """
    if isinstance(text, bool | float) or not isinstance(text, str | int | Decimal):
        raise InputError(WORDS("money.text", given=text))
    stripped = text.strip() if isinstance(text, str) else text
    try:
        # Underscores and non-ASCII digits are Python's spelling, not a bank's.
        if isinstance(stripped, str) and (not stripped.isascii() or "_" in stripped):
            raise InvalidOperation
        number = Decimal(stripped)
    except InvalidOperation:
        raise InputError(WORDS("money.text", given=text)) from None
    if not number.is_finite():
        raise InputError(WORDS("money.text", given=text))
    if not number:
        return 0
    if number.adjusted() > 18:
        raise InputError(WORDS("money.range", given=text))
    # By the digits themselves: a decimal context would round an exponent beyond its own to zero.
    sign, found, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    shift = exponent + digits
    kept, cut = (found, ()) if shift >= 0 else (found[:shift], found[shift:])
    if any(cut):
        raise InputError(WORDS("money.digits", given=text, currency=unit, digits=digits))
    size = int("".join(map(str, kept)) + "0" * shift)
    minor = -size if sign else size
    if not -_LARGEST - 1 <= minor <= _LARGEST:
        raise InputError(WORDS("money.range", given=text))
    return minor


def parse_minor(text: str | int | Decimal, currency: str) -> int:
    """Read an amount in major units as minor units, exactly.

    Examples
    --------
    >>> parse_minor("1e+05", "EUR")
    10000000
    >>> parse_minor("12.5", "EUR")
    1250
    """
    return parse_scaled(text, minor_digits(currency), currency)


def format_minor(minor: int, currency: str) -> str:
    """Print minor units in major units with every decimal of the currency.

    Examples
    --------
    >>> format_minor(-1250, "EUR")
    '-12.50'
    """
    return str(Decimal(minor).scaleb(-minor_digits(currency)))


class Money(msgspec.Struct, frozen=True):
    """An amount: whole minor units of one currency.

    Examples
    --------
    >>> Money.parse("12.50", "EUR") + Money(50, "EUR")
    Money(minor=1300, currency='EUR')
    >>> str(Money(1300, "EUR"))
    '13.00 EUR'
    """

    minor: int
    currency: str

    @classmethod
    def parse(cls, text: str | int | Decimal, currency: str) -> Money:
        """Read an amount in major units; raises `InputError` when it would have to be rounded."""
        return cls(parse_minor(text, currency), currency)

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise InputError(WORDS("money.mixed", left=self, right=other))
        return Money(self.minor + other.minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        return self + -other

    def major(self) -> Decimal:
        """The amount in major units, exactly: the form in which money enters FEEL."""
        return Decimal(self.minor).scaleb(-minor_digits(self.currency))

    def __str__(self) -> str:
        return f"{format_minor(self.minor, self.currency)} {self.currency}"
