"""Follows one JSON value to its end without keeping it: by its brackets and quotes alone, in flat memory."""

import re

_OUTSIDE = re.compile(rb'["\[\]{}]')
_INSIDE = re.compile(rb'["\\]')
_BARE = re.compile(rb"[ \t\n\r,\]}]")


class Skipper:
    """Is fed the pieces of a text from the first byte of a value on, until it says where the value ends."""

    def __init__(self) -> None:
        self._depth = 0
        self._quoted = self._escaped = self._bare = False
        self._begun = False

    def feed(self, piece: bytes) -> int | None:
        """The place behind the value in this piece; None: the value goes on."""
        at = 0
        if not self._begun and piece:
            self._begun, self._bare = True, piece[0] not in b'"[{'
        if self._bare:
            found = _BARE.search(piece)
            return found.start() if found else None
        while at < len(piece):
            if self._escaped:
                self._escaped, at = False, at + 1
                continue
            found = (_INSIDE if self._quoted else _OUTSIDE).search(piece, at)
            if found is None:
                return None
            at = found.end()
            self._meet(found[0])
            if not (self._quoted or self._depth):
                return at
        return None

    def _meet(self, mark: bytes) -> None:
        if mark == b"\\":
            self._escaped = True
        elif mark == b'"':
            self._quoted = not self._quoted
        else:
            self._depth += 1 if mark in b"[{" else -1
