"""Pages: their sizes, and tokens that are good for one list only."""

import base64

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowferry.api.wire.paging import Binding, PageSize
from rowferry.domain.faults import Invalid

SIZE = PageSize(default=50, most=200)
HERE = Binding(1, "jobs", ("failed", None))


def test_nothing_and_zero_mean_the_default_and_too_large_is_lowered() -> None:
    assert [SIZE.of(asked) for asked in (None, 0, 7, 200, 10**30)] == [50, 50, 7, 200, 200]


def test_a_negative_size_is_an_error() -> None:
    with pytest.raises(Invalid) as refused:
        SIZE.of(-1)
    assert refused.value.errors[0].pointer == "/query/page_size"


@given(st.recursive(st.none() | st.integers(0, 2**53) | st.text(), st.lists))
def test_a_token_gives_its_position_back(position: object) -> None:
    assert HERE.position(HERE.token(position)) == orjson.loads(orjson.dumps(position))


def test_without_a_token_there_is_no_position() -> None:
    assert HERE.position(None) is None


@pytest.mark.parametrize(
    "elsewhere",
    [
        Binding(2, "jobs", ("failed", None)),
        Binding(1, "issues", ("failed", None)),
        Binding(1, "jobs", (None, "failed")),
    ],
)
def test_a_token_of_another_tenant_list_or_filter_is_refused(elsewhere: Binding) -> None:
    with pytest.raises(Invalid):
        elsewhere.position(HERE.token(12))


@given(st.text(max_size=60))
def test_what_is_no_token_is_refused_and_never_breaks(text: str) -> None:
    with pytest.raises(Invalid):
        HERE.position(text)


def test_a_token_whose_position_was_changed_is_refused() -> None:
    sealed = base64.urlsafe_b64decode(HERE.token(12) + "==")
    forged = base64.urlsafe_b64encode(sealed[:-2] + b"99").decode().rstrip("=")
    with pytest.raises(Invalid):
        HERE.position(forged)
