"""Follows one JSON value to its end without keeping it: by its brackets and quotes alone, in flat memory."""

import re

import numpy as np

QUOTE = ord('"')
_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_BARE = re.compile(rb"[ \t\n\r,\]}]")


class Skipper:
    """Is fed the pieces of a text from the first byte of a value on, until it says where the value ends."""

    def __init__(self) -> None:
        self._depth = 0
        self._quoted = self._escaped = self._bare = self._begun = False
        self._steps = np.zeros(256, np.int8)
        self._steps[list(b"[{")] = 1
        self._steps[list(b"]}")] = -1

    def feed(self, piece: bytes) -> int | None:
        """The place behind the value in this piece; None: the value goes on."""
        if not piece:
            return None
        if not self._begun:
            self._begun, self._bare = True, piece[0] not in b'"[{'
        if self._bare:
            found = _BARE.search(piece)
            return found.start() if found else None
        view = np.frombuffer(self._without_escapes(piece), np.uint8)
        quotes = view == QUOTE
        quoted = (np.cumsum(quotes, dtype=np.uint8) + self._quoted) & 1
        steps = self._steps[view]
        steps[quoted == 1] = 0
        depth = np.cumsum(steps, dtype=np.int32) + self._depth
        ends = np.flatnonzero((depth == 0) & (quoted == 0) & (quotes | (steps < 0)))
        self._depth, self._quoted = int(depth[-1]), bool(quoted[-1])
        return int(ends[0]) + 1 if ends.size else None

    def _without_escapes(self, piece: bytes) -> bytes:
        """The piece with blanks for what a backslash stands before."""
        if self._escaped:
            piece, self._escaped = b" " + piece[1:], False
        if b"\\" in piece:
            piece = _ESCAPE.sub(b"  ", piece)
            self._escaped = piece.endswith(b"\\")
        return piece
