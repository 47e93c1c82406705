"""Writes a JSON number in plain digits, exactly: no exponent is left, and no digit is lost."""

import re

CHARACTERS_MAX = 1_000
"""A number that would be longer in plain digits stays as it was written."""
_NUMBER = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?[eE]([-+]?)0*([0-9]{1,6})\Z")


def plain(number: str) -> str | None:
    """The same number without an exponent; None where its exponent is absurd.

    Source: RFC 8259, section 6.
    """
    if "e" not in number and "E" not in number:
        return number
    found = _NUMBER.match(number)
    if found is None:
        return None
    sign, whole, decimals, direction, exponent = found[1], found[2], found[3] or "", found[4], int(found[5])
    digits, point = whole + decimals, len(whole) + (-exponent if direction == "-" else exponent)
    if len(digits) + abs(point) > CHARACTERS_MAX:
        return None if digits.strip("0") else f"{sign}0"
    if point <= 0:
        digits, point = "0" * (1 - point) + digits, 1
    digits = digits.ljust(point, "0")
    whole, decimals = digits[:point].lstrip("0") or "0", digits[point:]
    return f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}"
