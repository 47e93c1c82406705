"""Every status, outcome and code of ours has a word of gu1, and no word is made up."""

import pytest

from rowferry.api.gu1 import words
from rowferry.api.gu1.words import JOB_CODES, OUTCOMES, REFUSALS, ROW_CODES, STATUS, BatchKind, job_code, row_code
from rowferry.domain.faults import JobFaultCode, Refusal, RowCode
from rowferry.domain.job import TERMINAL, Status
from rowferry.domain.ledger import Outcome
from rowferry.kinds import discover

CERTAIN = {
    "VALIDATION_ERROR", "DUPLICATE_EXTERNAL_ID", "TAX_ID_TYPE_MISMATCH", "DUPLICATE_TAX_ID", "ENTITY_NOT_FOUND", "PROCESSING_ERROR",
}  # fmt: skip


def test_every_status_has_a_word():
    assert set(STATUS) == set(Status)


def test_a_poller_goes_on_exactly_while_the_job_does():
    terminal = {"completed", "failed", "cancelled", "interrupted"}
    assert {status for status, word in STATUS.items() if word in terminal} == TERMINAL


def test_every_word_stands_for_statuses_of_ours():
    assert {status for word in set(STATUS.values()) for status in words.statuses_of(word)} == set(Status)


def test_every_outcome_has_a_word():
    assert set(OUTCOMES) == {outcome.word for outcome in Outcome}


def test_every_refusal_has_a_number_that_the_dialect_knows():
    assert set(REFUSALS) == {refusal.code for refusal in Refusal.__subclasses__()}
    assert {number for number, _ in REFUSALS.values()} == {400, 401, 403, 404, 409, 429, 500}


def test_every_fault_of_a_job_has_a_code():
    assert set(JOB_CODES) == set(JobFaultCode)
    assert job_code("invalid-references") == "INVALID_ENTITY_REFERENCES"
    assert job_code("a-task's-own") == "PROCESSING_ERROR"


def test_every_row_code_has_a_code_for_each_kind():
    assert set(ROW_CODES) == set(RowCode)
    for kind in BatchKind:
        assert {row_code(kind, code) for code in RowCode} <= CERTAIN


@pytest.mark.parametrize(
    ("kind", "code", "word"),
    [
        (BatchKind.ENTITIES, "inconsistent", "TAX_ID_TYPE_MISMATCH"),
        (BatchKind.ENTITIES, "already-exists", "DUPLICATE_TAX_ID"),
        (BatchKind.ENTITIES, "unique", "DUPLICATE_EXTERNAL_ID"),
        (BatchKind.TRANSACTIONS, "already-exists", "DUPLICATE_EXTERNAL_ID"),
        (BatchKind.TRANSACTIONS, "primary-key", "DUPLICATE_EXTERNAL_ID"),
        (BatchKind.EVENTS, "foreign-key", "ENTITY_NOT_FOUND"),
        (BatchKind.EVENTS, "entity-not-named", "VALIDATION_ERROR"),
        (BatchKind.TRANSACTIONS, "rejected", "PROCESSING_ERROR"),
    ],
)
def test_codes_about_keys_say_which_key(kind, code, word):
    assert row_code(kind, code) == word


def test_user_events_have_three_codes():
    assert {row_code(BatchKind.EVENTS, code) for code in RowCode} == {
        "VALIDATION_ERROR",
        "ENTITY_NOT_FOUND",
        "PROCESSING_ERROR",
    }


def test_the_kinds_are_those_of_the_installation_with_the_fields_that_are_spoken_of():
    kinds = discover((), lambda _: None).kinds
    for kind in BatchKind:
        names = set(kinds[kind].schema.names)
        assert ("status" in names) is (kind in words.STATUS_DEFAULTS)
        assert {words.TIME_FIELDS[kind]} <= names if kind in words.TIME_FIELDS else True
    statuses = kinds[BatchKind.ENTITIES].schema.field("status").enum
    assert set(words.EntityStatus.__args__) == set(statuses)
