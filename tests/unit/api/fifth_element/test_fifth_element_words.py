"""The tables of Fifth Element are total, and say only what its clients know."""

from typing import get_args

from rowferry.api.fifth_element import answers, words
from rowferry.domain.faults import Refusal
from rowferry.domain.job import TERMINAL, Status

NUMBERS = {400, 401, 403, 404, 429, 500}
ENDS = {"completed", "failed", "cancelled"}


def test_every_status_has_one_of_the_five_words() -> None:
    assert set(words.STATUS) == set(Status)
    assert set(words.STATUS.values()) == set(get_args(words.StatusWord))


def test_a_client_stops_polling_exactly_when_a_job_has_ended() -> None:
    assert {status for status, word in words.STATUS.items() if word in ENDS} == TERMINAL


def test_every_refusal_has_a_number_and_a_name_that_the_dialect_knows() -> None:
    assert set(words.NUMBERS) == {refusal.code for refusal in Refusal.__subclasses__()}
    assert set(words.NUMBERS.values()) <= NUMBERS == set(words.NAMES)
    assert set(get_args(answers.FailureBody.model_fields["name"].annotation)) == set(words.NAMES.values())


def test_what_is_said_otherwise_is_said_of_refusals_that_exist() -> None:
    assert set(words.SENTENCES) | set(words.DETAILS) <= set(words.NUMBERS)


def test_every_type_that_the_vendor_names_counts_what_it_did() -> None:
    assert set(words.COUNTERS) == {"document_processing", "web_crawling", "batch_embedding", "export", "import"}
    assert set(words.LATER) <= set(words.COUNTERS)
