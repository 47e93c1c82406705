"""How texts become integers and decimals: tested by their shape first, never rounded, never through a float, never guessed."""

from dataclasses import dataclass
from typing import Literal

import polars as pl

from rowferry.domain.faults import RowCode
from rowferry.domain.schema import Field, FieldType
from rowferry.pipeline.literals import WHOLE_MAX, WHOLE_MIN, digits, dtype
from rowferry.pipeline.reading import Misdeclared, Reading, Reason, literally, whole, wrong_type

Sign = Literal[".", ","]

# Around a number that stands with words or a currency: everything but what could be a part of the number, or turn its
# sign (dashes of any sort, parentheses of an accountant).
_AROUND = r"[^\p{N}\p{Pd}\u{2212}+.,()]*"
_HINT_SIGN = ": state the option decimal_sign"


@dataclass(frozen=True, slots=True)
class Signs:
    """What stands before the decimals and between the groups of a field's numbers. `stated`: somebody said so, it is no default."""

    decimal: str
    group: str | None
    stated: bool

    @property
    def point(self) -> str:
        return literally(self.decimal)

    @property
    def grouped(self) -> str:
        """The pattern of the digits before the decimals, and of whole numbers."""
        plain = "[0-9]+"
        return plain if self.group is None else f"(?:[0-9]{{1,3}}(?:{literally(self.group)}[0-9]{{3}})+|{plain})"


def signs(field: Field, option: Sign | None) -> Signs:
    """The signs of a field's numbers in this file.

    The import's option is about the file in hand and wins over the declaration; it says both signs, because the other one can then
    only part groups, unless the field declares a third sign for that. Without any word, `.` is the decimal sign and nothing parts
    groups. Source: Table Schema (Data Package v2), number: decimalChar, groupChar.
    """
    if option is not None:
        other = "," if option == "." else "."
        own = field.group_char if field.group_char not in {None, option} else None
        return Signs(option, own or other, stated=True)
    stated = field.decimal_char is not None or field.group_char is not None
    return Signs(field.decimal_char or ".", field.group_char, stated)


def integers(field: Field, option: Sign | None, text: pl.Expr) -> Reading:
    """Whole numbers of 64 bits. Leading zeros and `+` are fine; `1.0` and `1e3` are none."""
    _check(field)
    grouped = signs(field, option)
    core = _core(field, text)
    shaped = core.str.contains(whole(f"[+-]?{grouped.grouped}"))
    if grouped.group is None:
        value = core.cast(pl.Int64, strict=False)
    else:
        plain = core.str.replace_all(grouped.group, "", literal=True)
        value = pl.when(shaped).then(plain).cast(pl.Int64, strict=False)
    limits = {"range": f"{WHOLE_MIN} to {WHOLE_MAX}"}
    return Reading(value, pl.Int64(), (Reason(RowCode.OUT_OF_RANGE, shaped, limits),))


def decimals(field: Field, option: Sign | None, text: pl.Expr) -> Reading:
    """Decimals of the field's digits. More decimals than the scale are refused unless they are zeros, which lose nothing.

    `.5` and `5.` are read, as in XML Schema; exponents, `NaN` and `INF` are not: no column of exact decimals holds them.
    """
    _check(field)
    used = signs(field, option)
    precision, scale = digits(field)
    shape = _shape(used, "[0-9]*", "[0-9]+")
    core = _core(field, text)
    exact = core.str.contains(whole(_shape(used, f"[0-9]{{0,{scale}}}0*", f"[0-9]{{1,{scale}}}0*" if scale else "0+")))
    plain = core if used.group is None else core.str.replace_all(used.group, "", literal=True)
    plain = plain if used.decimal == "." else plain.str.replace(used.decimal, ".", literal=True)
    value = pl.when(exact).then(plain).cast(dtype(field), strict=False)
    shaped = core.str.contains(whole(shape))
    reasons = (
        Reason(RowCode.OUT_OF_RANGE, exact, {"range": f"the {precision - scale} digits that fit before the decimals"}),
        Reason(RowCode.TOO_PRECISE, shaped, {"scale": scale}),
    )
    return Reading(value, dtype(field), (*reasons, *_unstated(core, used)))


def _unstated(core: pl.Expr, used: Signs) -> tuple[Reason, ...]:
    """Why a number with a comma is not read where nobody said what a comma means, be there one reading or two."""
    if used.stated:
        return ()
    twofold = core.str.contains(whole(r"[+-]?[0-9]{1,3},[0-9]{3}"))
    onefold = core.str.contains(
        whole(r"[+-]?(?:[0-9]+,[0-9]*|[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?|[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]*)")
    )
    several = core.str.contains(whole(r"[+-]?[0-9]{1,3}(?:\.[0-9]{3}){2,}"))
    return Reason(RowCode.NUMBER_AMBIGUOUS, twofold), wrong_type(onefold | several, _HINT_SIGN)


def _shape(used: Signs, behind: str, alone: str) -> str:
    return f"[+-]?(?:{used.grouped}(?:{used.point}{behind})?|{used.point}{alone})"


def _core(field: Field, text: pl.Expr) -> pl.Expr:
    """The text itself, or what is left of it without the words around it where the field allows those."""
    return text if field.bare_number else text.str.extract(rf"(?s)\A{_AROUND}(.*?){_AROUND}\z", 1)


def _check(field: Field) -> None:
    precision, scale = digits(field)
    if not 1 <= precision <= 38:  # noqa: PLR2004  # what a decimal of 128 bits holds
        raise Misdeclared("a precision is from 1 to 38", "precision")
    if not 0 <= scale <= precision:
        raise Misdeclared("a scale is from 0 to the precision", "scale")
    for member, sign in (("decimalChar", field.decimal_char), ("groupChar", field.group_char)):
        if sign is not None and (len(sign) != 1 or sign.isalnum() or sign in "+-"):
            raise Misdeclared("one character that is no letter, digit, + or -", member)
    if field.type is FieldType.NUMBER and field.group_char == (field.decimal_char or "."):
        raise Misdeclared("is the decimal sign already", "groupChar")
