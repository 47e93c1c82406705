"""What stands in the addresses of Fifth Element: the id of a job, and which page of a list."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request

from rowferry.api.fifth_element import words
from rowferry.api.wire.addresses import uuid_of
from rowferry.api.wire.paging import invalid_parameter
from rowferry.api.wire.transfer import printable
from rowferry.domain.job import JobId, Status

LIMIT_MAX = 100
LIMIT = 50
START_MAX = 10**15
INTEGER = re.compile(r"-?[0-9]{1,4000}", re.ASCII)
"""What Python reads as a number without a word about its length."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which entries of a list are wanted: so many from a position, counted from 0."""

    start: int
    limit: int


def page_of(request: Request) -> Page:
    """The page that the query names.

    Raises:
        Invalid: it names none.
    """
    return Page(_integer(request, "start", 0, (0, START_MAX)), _integer(request, "limit", LIMIT, (1, LIMIT_MAX)))


def statuses_of(request: Request) -> Sequence[Status]:
    """Our statuses behind the word of the query; none without one.

    Raises:
        Invalid: it is no word of the dialect.
    """
    word = request.query_params.get("status")
    found = [status for status, known in words.STATUS.items() if known == word]
    if word is not None and not found:
        every = ", ".join(dict.fromkeys(words.STATUS.values()))
        raise invalid_parameter("status", f"status must be one of {every}, not {printable(word)}.")
    return found


def job_id_of(request: Request) -> JobId:
    """The job that the path names, with or without the prefix of the vendor's examples.

    Raises:
        NotFound: it is no id.
    """
    return JobId(uuid_of(str(request.path_params["job_id"]).removeprefix(words.ID_PREFIX), "job"))


def _integer(request: Request, name: str, default: int, bounds: tuple[int, int]) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if INTEGER.fullmatch(text) is None:
        raise invalid_parameter(name, f"{name} must be a number.")
    number, (least, most) = int(text), bounds
    if not least <= number <= most:
        raise invalid_parameter(name, f"{name} must be from {least} to {most}.")
    return number
