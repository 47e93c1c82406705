"""How answers are carried: times, ETags, waits, ranges, file names, digests."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from rowferry.api.wire import transfer
from rowferry.api.wire.transfer import Span
from rowferry.domain.faults import Invalid, RangeNotSatisfiable


def test_times_are_rfc_3339_in_utc_with_milliseconds() -> None:
    moment = datetime(2026, 11, 25, 17, 0, 0, 41999, tzinfo=timezone(timedelta(hours=1)))
    assert transfer.stamp(moment) == "2026-11-25T16:00:00.041Z"
    assert transfer.stamp(None) is None


def test_a_time_that_is_asked_for_must_have_a_zone() -> None:
    assert transfer.from_stamp("2026-11-25T17:00:00+01:00", "since") == datetime(2026, 11, 25, 16, tzinfo=UTC)
    for wrong in ("2026-11-25T17:00:00", "yesterday", "", "0001-01-01T00:00:00+23:59"):
        with pytest.raises(Invalid):
            transfer.from_stamp(wrong, "since")


@pytest.mark.parametrize("sent", ['W/"41"', '"41"', '"7", W/"41"', "*"])
def test_a_version_that_the_caller_has_matches(sent: str) -> None:
    assert transfer.matches(sent, transfer.etag(41))


@pytest.mark.parametrize("sent", [None, "", '"42"', "41", '"4"'])
def test_another_version_does_not_match(sent: str | None) -> None:
    assert not transfer.matches(sent, transfer.etag(41))


def test_one_is_told_to_look_again_soon_and_less_often_when_much_is_left() -> None:
    assert [transfer.retry_after(left) for left in (None, 0.1, 9, 600)] == ["1", "1", "3", "5"]


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        (None, None),
        ("wait=30", 30),
        ('respond-async, WAIT="5"', 5),
        ("wait=900", 60),
        ("wait=-1", None),
        ("wait=x", None),
        ("handling=strict; wait=3", None),
    ],
)
def test_a_preferred_wait_is_read_and_cut(sent: str | None, seconds: float | None) -> None:
    assert transfer.wait_seconds(sent, 60) == seconds


@pytest.mark.parametrize(
    ("sent", "span"),
    [
        (None, None),
        ("bytes=0-9", Span(0, 10)),
        ("bytes=90-", Span(90, 100)),
        ("bytes=-10", Span(90, 100)),
        ("bytes=-500", Span(0, 100)),
        ("bytes=50-900", Span(50, 100)),
        ("bytes=0-0,5-6", None),
        ("bytes=9-3", None),
        ("bytes=-", None),
        ("rows=0-9", None),
        ("bytes=a-b", None),
    ],
)
def test_one_range_is_served_and_what_is_none_is_ignored(sent: str | None, span: Span | None) -> None:
    assert transfer.span(sent, 100) == span


@pytest.mark.parametrize("sent", ["bytes=100-", "bytes=500-600", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(sent: str) -> None:
    with pytest.raises(RangeNotSatisfiable):
        transfer.span(sent, 100)


def test_an_empty_file_has_no_range() -> None:
    with pytest.raises(RangeNotSatisfiable):
        transfer.span("bytes=0-", 0)


def test_a_plain_file_name_is_sent_plainly() -> None:
    assert transfer.attachment("customers.errors.csv") == 'attachment; filename="customers.errors.csv"'


def test_a_name_with_accents_is_sent_in_both_forms() -> None:
    header = transfer.attachment("año €.csv")
    assert header == "attachment; filename=\"a_o _.csv\"; filename*=UTF-8''a%C3%B1o%20%E2%82%AC.csv"


@pytest.mark.parametrize("name", ['a"b\r\nSet-Cookie: x.csv', "../../etc/passwd", "\u202egnp.csv", "", "\ud800.csv"])
def test_no_file_name_breaks_the_header(name: str) -> None:
    header = transfer.attachment(name)
    assert header.isascii()
    assert header.isprintable()
    assert header.startswith('attachment; filename="')
    assert "/" not in header.split("filename*")[0]


def test_a_digest_is_sent_as_rfc_9530_says() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert transfer.repr_digest(empty) == "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"
