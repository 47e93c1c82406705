"""What it is to read the texts of a field: a value where there is one, a reason where there is none."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from rowferry.domain.faults import RowCode


class Misdeclared(Exception):
    """A part of a declaration that cannot be worked with: what is wrong, and the member of the field or rule that is."""

    def __init__(self, detail: str, member: str) -> None:
        self.detail = detail
        self.member = member
        super().__init__(f"{member}: {detail}")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a text has no value: the code, when it is this one, and what the message needs besides the value."""

    code: RowCode
    when: pl.Expr
    arguments: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class Reading:
    """How the texts of one field become values.

    `value` is an expression over the column of texts; it is null where the text is null or has no value. `reasons` are asked
    in their order for texts without a value; where none holds, the text is a type error with `hint` behind the sentence.
    `without_nul` is the same as `value` for texts of which none holds the character NUL, where that is less work.
    """

    value: pl.Expr
    dtype: pl.DataType
    reasons: tuple[Reason, ...] = ()
    hint: str = ""
    without_nul: pl.Expr | None = None


def wrong_type(when: pl.Expr, hint: str) -> Reason:
    """The reason that a text is of another type, with words on how to mend it."""
    return Reason(RowCode.TYPE_ERROR, when, {"hint": hint})


def whole(pattern: str) -> str:
    """The pattern, made to match a text as a whole (`$` of the engine is that already, but a pattern may switch it by flags)."""
    return rf"\A(?:{pattern})\z"


def literally(text: str) -> str:
    """A pattern that matches just this text."""
    return "".join(f"\\x{{{ord(character):x}}}" for character in text)
