"""How texts become JSON documents that a jsonb column holds without loss."""

import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import cast

import polars as pl

from rowferry.pipeline.reading import Reading

DEPTH_MAX = 64
DIGITS_MAX = 1_000


def documents(kind: type[dict[str, object]] | type[list[object]], text: pl.Expr) -> Reading:
    """Texts that are one JSON object (or array), kept as they stand."""
    accepted = _checker(kind)

    def checked(texts: pl.Series) -> pl.Series:
        kept = [one if one is not None and accepted(one) else None for one in texts.to_list()]
        return pl.Series(texts.name, kept, dtype=pl.String)

    value = text.map_batches(checked, return_dtype=pl.String, is_elementwise=True)
    return Reading(value, pl.String(), hint=" in JSON")


def _checker(kind: type) -> Callable[[str], bool]:
    decoder = json.JSONDecoder(
        object_pairs_hook=_members, parse_constant=_refused, parse_int=_whole, parse_float=_number, strict=True
    )

    def accepted(text: str) -> bool:
        try:
            document = decoder.decode(text)
        except (ValueError, RecursionError):
            return False
        return isinstance(document, kind) and _storable(document)

    return accepted


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name twice")  # one reader keeps the first, another the last
    return members


def _refused(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _whole(digits: str) -> int:
    if len(digits) > DIGITS_MAX:
        raise ValueError("too many digits")
    return 0


def _number(digits: str) -> float:
    try:
        magnitude = Decimal(digits).adjusted()
    except InvalidOperation:  # an exponent beyond what even decimals have
        raise ValueError("too many digits") from None
    if len(digits) > DIGITS_MAX or abs(magnitude) > DIGITS_MAX:
        raise ValueError("too many digits")
    return 0.0


def _storable(document: object) -> bool:
    """Whether PostgreSQL takes it: no NUL and no half of a surrogate pair in a text, and not too deep."""
    level: list[object] = [document]
    depth = 0
    while level:
        below: list[object] = []
        for one in level:
            if isinstance(one, str) and not _text(one):
                return False
            if isinstance(one, dict):
                members = cast("dict[str, object]", one)
                below += [*members.keys(), *members.values()]
            elif isinstance(one, list):
                below += cast("list[object]", one)
        depth += any(isinstance(one, dict | list) for one in level)
        if depth > DEPTH_MAX:
            return False
        level = below
    return True


def _text(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
