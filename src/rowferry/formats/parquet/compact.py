"""Reads structs in the compact protocol of Thrift, in which Parquet writes its footer and the headers of its pages."""

from collections.abc import Iterator, Mapping
from typing import cast

DEPTH_MAX = 16
BYTES_MAX = 1 << 24

Value = int | bytes | float | bool | list["Value"] | dict[int, "Value"] | None


class Damaged(Exception):
    """A struct is none, or says what cannot be."""


def number(struct: Mapping[int, Value], member: int) -> int:
    """A member that is a size or a place.

    Raises:
        Damaged: it is missing or negative.
    """
    found = struct.get(member)
    if not isinstance(found, int) or found < 0:
        raise Damaged("a size or a place is missing")
    return found


def structs(struct: Mapping[int, Value], member: int) -> list[dict[int, Value]]:
    """A member that is a list of structs; none where it is missing.

    Raises:
        Damaged: it is something else.
    """
    found = struct.get(member, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Damaged("a list holds something else than it must")
    return cast("list[dict[int, Value]]", found)


class Compact:
    """Reads a struct in the compact protocol of Thrift. Source: Apache Thrift, thrift-compact-protocol.

    Raises:
        IndexError: the data end before the struct does.
        Damaged: the data are no such struct.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def struct(self, depth: int = 0) -> dict[int, Value]:
        """The members by their numbers."""
        if depth > DEPTH_MAX:
            raise Damaged("a struct is nested too deeply")
        members: dict[int, Value] = {}
        member = 0
        while (byte := self._byte()) != 0:
            step, kind = byte >> 4, byte & 0x0F
            member = member + step if step else self._zigzag()
            # A truth has its value in the byte that names its type.
            members[member] = kind == 1 if kind in {1, 2} else self._value(kind, depth)
        return members

    def _value(self, kind: int, depth: int) -> Value:
        match kind:
            case 1 | 2 | 3:
                return self._byte()
            case 4 | 5 | 6:
                return self._zigzag()
            case 7 | 8:
                return self._bytes(8 if kind == 7 else self._varint())  # noqa: PLR2004  # the type of a double
            case 9 | 10:
                return [self._value(inner, depth + 1) for inner in self._elements()]
            case 12:
                return self.struct(depth + 1)
            case _:
                raise Damaged("a struct is none")

    def _elements(self) -> Iterator[int]:
        """The type of each element of a list; the elements themselves follow one after another."""
        byte = self._byte()
        count, kind = byte >> 4, byte & 0x0F
        if count == 15:  # noqa: PLR2004  # the count follows as a number of its own
            count = self._varint()
        for _ in range(count):
            yield kind

    def _byte(self) -> int:
        byte = self._data[self.at]
        self.at += 1
        return byte

    def _bytes(self, length: int) -> bytes:
        if length > BYTES_MAX:
            raise Damaged("a struct is none")
        if self.at + length > len(self._data):
            raise IndexError
        found = self._data[self.at : self.at + length]
        self.at += length
        return found

    def _varint(self) -> int:
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004  # the last byte of a number
                return number
            shift += 7
            if shift > 63:  # noqa: PLR2004  # more than 64 bits
                raise Damaged("a struct is none")

    def _zigzag(self) -> int:
        number = self._varint()
        return (number >> 1) ^ -(number & 1)
