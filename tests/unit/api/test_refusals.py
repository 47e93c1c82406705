"""Every refusal has an HTTP status, and says what its headers must say."""

import inspect

import pytest

from rowferry.api.native import examples
from rowferry.api.native.shapes import problem_shape
from rowferry.api.wire.refusals import STATUS, headers_of
from rowferry.domain import faults
from rowferry.domain.faults import Refusal


def refusals() -> list[type[Refusal]]:
    return [c for _, c in inspect.getmembers(faults, inspect.isclass) if issubclass(c, Refusal) and c is not Refusal]


def test_every_refusal_has_a_status_and_no_status_is_left_over() -> None:
    assert {c.code for c in refusals()} == set(STATUS)


def test_no_refusal_is_a_fault_of_the_server_except_where_it_has_no_room_or_is_not_ready() -> None:
    assert {code for code, status in STATUS.items() if status >= 500} == {"storage-full", "unavailable"}


def test_a_missing_token_is_asked_for_and_a_wrong_one_is_called_invalid() -> None:
    missing = headers_of(faults.Unauthenticated(reason="The request has no token."))
    wrong = headers_of(faults.Unauthenticated(reason="The token has expired.", sent=True))
    assert missing == {"WWW-Authenticate": 'Bearer realm="rowferry"'}
    assert wrong == {"WWW-Authenticate": 'Bearer realm="rowferry", error="invalid_token"'}


def test_a_limited_caller_hears_when_to_come_back() -> None:
    assert headers_of(faults.RateLimited(limit=1, seconds=60, retry_after=7)) == {"Retry-After": "7"}


def test_a_wrong_method_is_told_which_are_right() -> None:
    assert headers_of(faults.NotAcceptable(method="PUT", allow="GET")) == {"Allow": "GET"}


def test_a_problem_names_its_code_and_where_each_fault_is() -> None:
    shape = problem_shape(examples.invalid("page_size is negative.", "/query/page_size"), 422, "/v1/jobs")
    assert shape == {
        "type": "/docs/problems/invalid-request",
        "title": "The request is not valid",
        "status": 422,
        "detail": "page_size is negative.",
        "instance": "/v1/jobs",
        "code": "invalid-request",
        "errors": [{"detail": "page_size is negative.", "pointer": "/query/page_size"}],
    }


@pytest.mark.parametrize("status", STATUS.values())
def test_no_refusal_is_called_a_success(status: int) -> None:
    assert status >= 400
