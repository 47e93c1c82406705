"""What stands in an address: the ids of what it names."""

from uuid import UUID

from rowferry.domain.faults import NotFound

UUID_CHARACTERS = 36


def uuid_of(text: str, noun: str) -> UUID:
    """The id in a path. One that is no UUID names nothing, as one that is unknown.

    Raises:
        NotFound: it is no UUID.
    """
    try:
        if len(text) == UUID_CHARACTERS:
            return UUID(text)
    except ValueError:
        pass
    raise NotFound(noun=noun, name=text[:UUID_CHARACTERS])
