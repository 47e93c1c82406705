"""Passwords as digests: Argon2id, with the parameters that OWASP's Password Storage Cheat Sheet names as the least."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LENGTH_MIN, LENGTH_MAX = 12, 1_024

HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""About 20 MB and as many milliseconds for each look."""


class UnfitPassword(ValueError):
    """The password is too short or too long."""

    def __init__(self) -> None:
        super().__init__(f"A password has {LENGTH_MIN} to {LENGTH_MAX:,} characters.")


def hashed(password: str) -> str:
    """The digest to keep, with its salt and parameters.

    Raises:
        UnfitPassword: it is too short or too long.
    """
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        raise UnfitPassword
    return HASHER.hash(password)


def fits(digest: str | None, password: str) -> bool:
    """Whether the password is that of the digest. None takes as long as any other and never fits."""
    try:
        return HASHER.verify(digest or _nobodys(), password[:LENGTH_MAX]) and digest is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    return HASHER.hash("a password that nobody has")
