"""How texts become integers and decimals: tested by their shape first, never rounded, never through a float, never guessed."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Literal

import polars as pl

from rowferry.domain.faults import RowCode
from rowferry.domain.schema import Field, FieldType
from rowferry.pipeline.literals import WHOLE_MAX, WHOLE_MIN, digits, dtype
from rowferry.pipeline.reading import Misdeclared, Reading, Reason, literally, whole, wrong_type

Sign = Literal[".", ","]
SIGNS: tuple[Sign, ...] = (".", ",")

# Around a number that stands with words or a currency: everything but what could be a part of the number, or turn its
# sign (dashes of any sort, parentheses of an accountant).
_AROUND = r"[^\p{N}\p{Pd}\u{2212}+.,()]*"
TWOFOLD = "[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}"
"""Numbers with three decimals, or of thousands."""
ANY_DECIMALS = ("[0-9]*", "[0-9]+")
"""Patterns of the digits behind a decimal sign, and of those that stand there alone."""
_HINT_SIGN = ": other cells of its column have a decimal point. State the option decimal_sign"


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
        """The pattern of the digits before the decimals, and of whole numbers. Groups do not begin with a zero: 0,021 is no 21."""
        plain = "[0-9]+"
        return plain if self.group is None else f"(?:[1-9][0-9]{{0,2}}(?:{literally(self.group)}[0-9]{{3}})+|{plain})"


def signs(field: Field, option: Sign | None) -> Signs:
    """The signs of a field's numbers in this file.

    The import's option is about the file in hand and wins over the declaration; it says both signs, because the other one can then
    only part groups, unless the field declares a third sign for that. Without any word, `.` is the decimal sign and nothing parts
    groups, unless the cells of a number's column tell more (`decimals`). Source: Table Schema (Data Package v2), number: decimalChar, groupChar.
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


def undecided(field: Field, option: Sign | None) -> bool:
    """Whether nobody says what stands before the decimals of a field, so that the cells of its column must tell."""
    return field.type is FieldType.NUMBER and not signs(field, option).stated


def telling(field: Field, text: pl.Expr) -> Mapping[Sign, pl.Expr]:
    """For each sign, whether a cell can be read with it before its decimals and not with the other one."""
    point, comma = _readable(_core(field, text))
    return {".": point & ~comma, ",": comma & ~point}


def ambiguous(field: Field, text: pl.Expr) -> pl.Expr:
    """Whether a cell may be a number with three decimals or one of thousands."""
    return _core(field, text).str.contains(whole(TWOFOLD))


def unsure(field: Field, text: pl.Expr) -> pl.Expr:
    """Whether a cell that was not read for want of a word may be read when its whole column has told."""
    core = _core(field, text)
    point, comma = _readable(core)
    return comma | (point & core.str.contains(",", literal=True))


def decimals(field: Field, option: Sign | None, text: pl.Expr, told: Set[Sign] = frozenset()) -> Reading:
    """Decimals of the field's digits. More decimals than the scale are refused unless they are zeros, which lose nothing.

    `.5` and `5.` are read, as in XML Schema; exponents, `NaN` and `INF` are not: no column of exact decimals holds them.

    Args:
        field: the field.
        option: what the import states.
        text: the texts.
        told: the signs that cells of the column can only be read with. One alone is as good as a stated one, where the field is
            `undecided`. With both or none, a number that can be read in two ways is not read, and of the others those with a point are.
    """
    _check(field)
    used = signs(field, option)
    if not used.stated and len(told) == 1:
        used = signs(field, *told)
    precision, scale = digits(field)
    core = _core(field, text)
    exact = core.str.contains(whole(_shape(used, f"[0-9]{{0,{scale}}}0*", f"[0-9]{{1,{scale}}}0*" if scale else "0+")))
    shaped = core.str.contains(whole(_shape(used, *ANY_DECIMALS)))
    reasons = [
        Reason(RowCode.OUT_OF_RANGE, exact, {"range": f"the {precision - scale} digits that fit before the decimals"}),
        Reason(RowCode.TOO_PRECISE, shaped, {"scale": scale}),
    ]
    if not used.stated:
        twofold = ambiguous(field, text)
        exact &= ~twofold
        reasons = [
            Reason(RowCode.NUMBER_AMBIGUOUS, twofold),
            *reasons,
            wrong_type(unsure(field, text), _HINT_SIGN),
        ]
    plain = core if used.group is None else core.str.replace_all(used.group, "", literal=True)
    plain = plain if used.decimal == "." else plain.str.replace(used.decimal, ".", literal=True)
    return Reading(pl.when(exact).then(plain).cast(dtype(field), strict=False), dtype(field), tuple(reasons))


def _readable(core: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Whether a text is a number when `.` stands before the decimals and `,` parts groups, and when it is the other way round."""
    either = (Signs(".", ",", stated=True), Signs(",", ".", stated=True))
    point, comma = (core.str.contains(whole(_shape(one, *ANY_DECIMALS))) for one in either)
    return point, comma


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
