"""Reads a JSON or YAML document piece by piece and keeps, for each fault, where it stands."""

import difflib
import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import TypeVar, cast

from rowferry.domain.faults import Pointed

T = TypeVar("T")
H = TypeVar("H", bound=Hashable)
D = TypeVar("D")

TEXT_LENGTH_MAX = 2_000
ITEMS_MAX = 10_000
DIGITS_MAX = 100
FAULTS_MAX = 200
"""Faults of one document that are told at most."""


@dataclass(frozen=True, slots=True)
class Place:
    """A value of a document, where it stands (RFC 6901), and the list that its faults go to.

    Every reader gives None, and notes why, where the value is not what it asks for.
    """

    value: object
    pointer: str
    faults: list[Pointed]

    def wrong(self, detail: str) -> None:
        """Notes what is wrong with this place."""
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(Pointed(detail, self.pointer))

    def at(self, key: str | int, value: object = None) -> "Place":
        """The place below this one, with its value."""
        step = str(key).replace("~", "~0").replace("/", "~1")
        return Place(value, f"{self.pointer}/{step}", self.faults)

    def members(self) -> "Mapping[str, Place] | None":
        """The members of an object by key."""
        held = self.value
        if not isinstance(held, Mapping):
            self.wrong(f"An object is needed here, not {noun(held)}.")
            return None
        found: dict[str, Place] = {}
        for key, value in cast("Mapping[object, object]", held).items():
            if isinstance(key, str):
                found[key] = self.at(key, value)
            else:
                self.at(str(key)).wrong(f"A key is text; put {key} in quotes.")
        return found

    def known(self, *keys: str) -> "Mapping[str, Place]":
        """The members of an object that may have these keys; null counts as left out. An unknown key is a fault that names it."""
        given = self.members() or {}
        for key, place in given.items():
            if key not in keys:
                place.wrong(f"There is no key {key} here; {_near(key, keys)}")
        return {key: place for key, place in given.items() if key in keys and place.value is not None}

    def items(self, *, least: int = 0, most: int = ITEMS_MAX) -> "tuple[Place, ...] | None":
        """The items of an array with so many items."""
        held = self.value
        if not isinstance(held, Sequence) or isinstance(held, str | bytes):
            self.wrong(f"An array is needed here, not {noun(held)}.")
            return None
        values = cast("Sequence[object]", held)
        if not least <= len(values) <= most:
            self.wrong(f"The array has {len(values)} items; {least} to {most} are allowed.")
            return None
        return tuple(self.at(index, value) for index, value in enumerate(values))

    def text(self, *, least: int = 1, most: int = TEXT_LENGTH_MAX) -> str | None:
        """Text of so many characters that PostgreSQL can keep: neither NUL nor half a surrogate pair."""
        if not isinstance(self.value, str):
            hint = "; put it in quotes" if isinstance(self.value, bool | int | float | Decimal | date | time) else ""
            self.wrong(f"Text is needed here, not {noun(self.value)}{hint}.")
            return None
        if not least <= len(self.value) <= most:
            self.wrong(f"The text has {len(self.value)} characters; {least} to {most} are allowed.")
            return None
        if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in self.value):
            self.wrong("The text holds a character that cannot be stored (NUL, or half a surrogate pair).")
            return None
        return str(self.value)

    def word(self, allowed: Iterable[str]) -> str | None:
        """One of a few words."""
        words = tuple(str(one) for one in allowed)
        if isinstance(self.value, str) and self.value in words:
            return str(self.value)
        shown = f"“{self.value}”" if isinstance(self.value, str) else noun(self.value)
        self.wrong(f"One of {', '.join(words)} is needed here, not {shown}.")
        return None

    def whole(self, *, least: int, most: int) -> int | None:
        """A whole number within bounds."""
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            self.wrong(f"A whole number is needed here, not {noun(self.value)}.")
            return None
        if not least <= self.value <= most:
            self.wrong(f"{self.value} is not within {least} to {most}.")
            return None
        return self.value

    def truth(self) -> bool | None:
        """True or false."""
        if not isinstance(self.value, bool):
            self.wrong(f"true or false is needed here, not {noun(self.value)}.")
            return None
        return self.value

    def exact(self) -> str | None:
        """A text, number, truth or time as the text that says exactly the same."""
        value = self.value
        match value:
            case bool():
                return "true" if value else "false"
            case int() if abs(value) < 10**DIGITS_MAX:
                return str(value)
            case float() | Decimal() if math.isfinite(value) and abs(Decimal(value).adjusted()) < DIGITS_MAX:
                return format(Decimal(repr(value)) if isinstance(value, float) else value, "f")
            case datetime() | date() | time():
                return value.isoformat()
            case str():
                return self.text(least=0)
            case _:
                self.wrong(f"Text or a number of less than {DIGITS_MAX} digits is needed here, not {noun(value)}.")
                return None

    def each(
        self, read: "Callable[[Place], H | None]", *, least: int = 0, most: int = ITEMS_MAX
    ) -> "tuple[H, ...] | None":
        """The items of an array, each read by itself and none twice; None if one of them is wrong."""
        places = self.items(least=least, most=most)
        if places is None:
            return None
        read_items: list[H] = []
        seen: set[H] = set()
        for place in places:
            item = read(place)
            if item is None:
                continue
            if item in seen:
                place.wrong(f"{item if isinstance(item, str) else 'The same'} stands here twice.")
            seen.add(item)
            read_items.append(item)
        return tuple(read_items) if len(read_items) == len(places) else None


def optional(given: Mapping[str, Place], key: str, read: Callable[[Place], T | None], default: D) -> T | D:
    """What stands at a key, or a default where nothing stands or it is wrong."""
    place = given.get(key)
    found = None if place is None else read(place)
    return default if found is None else found


def needed(place: Place, given: Mapping[str, Place], key: str, read: Callable[[Place], T | None]) -> T | None:
    """What stands at a key that may not be left out."""
    if key not in given and isinstance(place.value, Mapping):
        place.wrong(f"The key {key} is needed here.")
    return optional(given, key, read, None)


def noun(value: object) -> str:
    """What a value is, in the words of JSON."""
    names: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (type(None), "null"),
        (bool, "true or false"),
        ((int, float, Decimal), "a number"),
        (str, "text"),
        (Mapping, "an object"),
        ((date, time), "a date or time"),
        (Sequence, "an array"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "something else")


def _near(key: str, keys: Sequence[str]) -> str:
    near = difflib.get_close_matches(key[:100], keys, n=1, cutoff=0.7)
    return f"do you mean {near[0]}?" if near else f"known are {', '.join(keys)}."
