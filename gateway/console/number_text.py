"""
Numbers as people read them: thousands grouped by `,`, decimal point `.`.

`static/numbers.js` writes the same texts in the browser; tests/console/numbers.json holds both to it.
"""

import math
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Final

#: What stands for a number that is none.
NOTHING: Final = "—"
#: Digits that a number below LARGE shows; decimals that a larger one shows.
SIGNIFICANT, DECIMALS, LARGE = 6, 2, 1_000
#: Numbers beyond these are written with an exponent.
LEAST, MOST = 1e-4, 1e15


def number_text(value: Any, decimals: int | None = None) -> str:
    """Return a number for people; `decimals` of the registry, or about six digits."""
    if value is None or isinstance(value, bool) or not math.isfinite(value):
        return NOTHING
    # The shortest decimal text of the number is what is rounded: browsers do so, too.
    exact = Decimal(repr(float(value)))
    size = abs(float(value))
    if size and (size < LEAST or size >= MOST):
        return _with_exponent(exact)
    if decimals is not None:
        return _fixed(exact, decimals)
    if size >= LARGE:
        return _trimmed(_fixed(exact, DECIMALS))
    digits = Context(prec=SIGNIFICANT, rounding=ROUND_HALF_UP).plus(exact)
    return _trimmed(f"{digits:,f}")


def percent_text(share: Any) -> str:
    """Return a probability as a percentage with one decimal."""
    if share is None or not math.isfinite(share):
        return NOTHING
    return f"{_fixed(Decimal(repr(float(share) * 100)), 1)} %"


def signed_text(part: float) -> str:
    """Return a number with its sign and three digits."""
    rounded = float(f"{part:.3g}")
    return f"+{number_text(rounded)}" if rounded > 0 else number_text(rounded)


def _fixed(number: Decimal, decimals: int) -> str:
    wide = Context(prec=400, rounding=ROUND_HALF_UP)
    rounded = number.quantize(Decimal(1).scaleb(-decimals), context=wide)
    return f"{rounded if rounded else abs(rounded):,f}"


def _trimmed(text: str) -> str:
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _with_exponent(number: Decimal) -> str:
    rounded = Context(prec=SIGNIFICANT, rounding=ROUND_HALF_UP).plus(number).normalize()
    sign, digits, _ = rounded.as_tuple()
    first, rest = str(digits[0]), "".join(map(str, digits[1:]))
    return f"{'-' if sign else ''}{first}{'.' if rest else ''}{rest}E{rounded.adjusted()}"
