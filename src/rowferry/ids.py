"""Makes the ids of everything: UUIDv7, in one place."""

import secrets
import time
from uuid import UUID


def uuid7() -> UUID:
    """A new id: 48 bits of Unix milliseconds, then 74 of chance, so that ids sort by the time they were made (RFC 9562, 5.7)."""
    milliseconds = time.time_ns() // 1_000_000
    random = secrets.randbits(74)
    version, variant = 0x7 << 76, 0b10 << 62
    return UUID(int=milliseconds << 80 | version | (random >> 62) << 64 | variant | random & ((1 << 62) - 1))
