"""The ledger's sum and the error policy's verdict."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowferry.domain.ledger import ErrorPolicy, Ledger, OnError, Outcome, from_outcomes


@given(st.lists(st.sampled_from(Outcome)))
def test_the_outcomes_of_the_rows_sum_to_the_rows(outcomes: list[Outcome]) -> None:
    ledger = from_outcomes(bytes(outcomes))
    assert ledger.balanced
    assert ledger.read == len(outcomes)
    assert {one: ledger.counts()[one.word] for one in Outcome} == {one: outcomes.count(one) for one in Outcome}


@given(st.lists(st.sampled_from(Outcome), min_size=1), st.integers(7, 255) | st.just(0), st.data())
def test_a_row_without_an_outcome_is_refused(outcomes: list[Outcome], rubbish: int, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(outcomes)))
    with pytest.raises(ValueError, match="1 rows have no outcome"):
        from_outcomes(bytes([*outcomes[:at], rubbish, *outcomes[at:]]))


@given(
    st.binary(max_size=40).map(lambda b: bytes(x % 6 + 1 for x in b)),
    st.binary(max_size=40).map(lambda b: bytes(x % 6 + 1 for x in b)),
)
def test_ledgers_of_chunks_add_up_to_the_ledger_of_the_file(first: bytes, second: bytes) -> None:
    assert from_outcomes(first) + from_outcomes(second) == from_outcomes(first + second)


@pytest.mark.parametrize(
    ("policy", "failed", "read", "code"),
    [
        (ErrorPolicy(), 10, 10, None),
        (ErrorPolicy(OnError.ABORT), 0, 10, None),
        (ErrorPolicy(OnError.ABORT), 1, 10, "aborted-on-error"),
        (ErrorPolicy(OnError.ATOMIC), 1, 10, "atomic-rejected"),
        (ErrorPolicy(max_errors=0), 1, 10, "too-many-errors"),
        (ErrorPolicy(max_errors=2), 2, 10, None),
        (ErrorPolicy(max_errors=2), 3, 10, "too-many-errors"),
        (ErrorPolicy(max_error_rate=0.1), 1, 10, None),
        (ErrorPolicy(max_error_rate=0.1), 2, 10, "error-rate-exceeded"),
        (ErrorPolicy(max_error_rate=0.0), 0, 0, None),
    ],
)
def test_a_policy_is_exceeded_above_its_limit_and_not_at_it(
    policy: ErrorPolicy, failed: int, read: int, code: str | None
) -> None:
    assert policy.exceeded_by(failed, read) == code


def test_only_a_policy_that_can_stop_the_job_needs_the_verdict_first() -> None:
    assert not ErrorPolicy().verdict_first
    assert all(
        policy.verdict_first
        for policy in (
            ErrorPolicy(OnError.ABORT),
            ErrorPolicy(OnError.ATOMIC),
            ErrorPolicy(max_errors=1),
            ErrorPolicy(max_error_rate=1.0),
        )
    )


def test_stored_rows_are_those_that_the_destination_holds_as_the_file_says() -> None:
    assert Ledger(read=21, created=1, updated=2, unchanged=3, skipped=4, failed=5, not_attempted=6).stored == 6
