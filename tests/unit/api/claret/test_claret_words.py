"""The tables of Claret are total, and say only what its clients know."""

import re
from typing import get_args

import pytest

from rowferry.api.claret import words
from rowferry.domain.faults import Refusal
from rowferry.domain.job import TERMINAL, Status
from rowferry.kinds.inventory import kind

NUMBERS = {401, 403, 404, 422, 429, 500}


def test_every_status_has_one_of_the_four_words() -> None:
    assert set(words.STATUS) == set(Status)
    assert set(words.STATUS.values()) == set(get_args(words.StatusWord))


def test_a_client_stops_polling_exactly_when_a_job_has_ended() -> None:
    assert {status for status, word in words.STATUS.items() if word in {"completed", "failed"}} == TERMINAL


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.INTERRUPTED, Status.FAILED])
def test_every_end_without_a_result_reads_failed(status) -> None:
    assert words.STATUS[status] == "failed"


def test_every_refusal_has_a_number_that_the_dialect_knows() -> None:
    assert set(words.NUMBERS) == {refusal.code for refusal in Refusal.__subclasses__()}
    assert set(words.NUMBERS.values()) <= NUMBERS


def test_records_and_criteria_are_fields_of_the_kind() -> None:
    assert kind.schema.names == words.FIELDS
    assert kind.name == words.KIND
    for field in {*words.ROW_CRITERIA.values(), *words.FILTER_CRITERIA.values()}:
        assert field.partition(".")[0] in kind.schema.names
    assert set(words.MODES.values()) <= set(kind.modes)


def test_every_phrase_makes_a_sentence() -> None:
    for phrase in words.PHRASES.values():
        said = words.sentence("name", re.sub(r"\{\w+\}", "3", phrase))
        assert said.startswith("The name field ")
        assert said.endswith(".")
