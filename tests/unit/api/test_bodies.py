"""JSON bodies: what is no JSON, what no database keeps, and every member that does not fit."""

import asyncio

import pytest
from starlette.requests import Request

from rowferry.api.native import bodies
from rowferry.api.wire.bodies import Pace, parsed, stream_of
from rowferry.domain.faults import Invalid, MalformedJson, TooSlow, UploadIncomplete
from rowferry.domain.ledger import OnError
from rowferry.domain.schema import Mode


@pytest.mark.parametrize("text", ["", "{", "{'a': 1}", '{"a": NaN}', "[1,]", "[" * 100_000, "tru"])
def test_what_is_no_json_is_refused_as_such(text: str) -> None:
    with pytest.raises(MalformedJson):
        parsed(text, "The body")


@pytest.mark.parametrize("text", [r'{"a": "\u0000"}', r'["\ud800"]', r'{"\u0000": 1}', "[" * 65 + "]" * 65])
def test_json_that_no_database_keeps_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parsed(text, "The body")


def test_json_nested_sixty_four_deep_is_taken() -> None:
    assert parsed("[" * 64 + "]" * 64, "The body")


def faults_of(options: object) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        bodies.checked(bodies.ImportOptions, options, "/options")
    return {error.pointer: error.detail for error in refused.value.errors}


def test_every_member_that_does_not_fit_is_named_with_its_place() -> None:
    found = faults_of({"mode": "upsrt", "max_errors": -1, "colour": "red", "mapping": {"a/b": 5}})
    assert set(found) == {"/options/mode", "/options/max_errors", "/options/colour", "/options/mapping/a~1b"}
    assert "colour is not known" in found["/options/colour"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"mode": "replace"}, "Take upsert, create, update or skip_existing"),
        ({"mapping": "01998f6e"}, "Send an object of columns and fields"),
    ],
)
def test_what_this_release_does_not_take_says_what_it_takes(options: dict[str, object], said: str) -> None:
    assert said in next(iter(faults_of(options).values()))


@pytest.mark.parametrize("value", ["5", 5.5, True, [5]])
def test_a_number_must_be_a_number(value: object) -> None:
    assert "/options/max_errors" in faults_of({"max_errors": value})


def test_options_that_fit_reach_the_domain() -> None:
    options = bodies.checked(
        bodies.ImportOptions,
        {"mode": "create", "on_error": "atomic", "max_error_rate": 1, "mapping": {"E-Mail": "email", "X": None}},
    ).to_domain()
    assert (options.mode, options.policy.on_error, options.policy.max_error_rate) == (Mode.CREATE, OnError.ATOMIC, 1.0)
    assert options.mapping == (("E-Mail", "email"), ("X", None))


def test_options_that_came_later_reach_the_domain_too_and_are_checked() -> None:
    sent = {"on_error": "stop", "defaults": {"a": "x"}, "required": ["b"], "strict": True, "missing_reference": "abort"}
    options = bodies.checked(bodies.ImportOptions, sent).to_domain()
    assert (options.policy.on_error, options.defaults, options.required) == (OnError.STOP, (("a", "x"),), ("b",))
    assert (options.strict, options.missing_reference) == (True, "abort")
    wrong = {"defaults": {"a": 1, "b": ""}, "required": "a", "strict": "yes", "missing_reference": "ignore"}
    assert faults_of(wrong).keys() == {
        "/options/defaults/a",
        "/options/defaults/b",
        "/options/required",
        "/options/strict",
        "/options/missing_reference",
    }


def test_a_text_with_nul_is_refused() -> None:
    assert faults_of({"delimiter": "\0"})["/options/delimiter"] == "delimiter holds NUL."


def coming(*messages: dict[str, object]) -> Request:
    """A request whose body comes in these messages, and then nothing more, for ever."""
    left = list(messages)

    async def receive() -> dict[str, object]:
        return left.pop(0) if left else await asyncio.Event().wait()  # type: ignore[return-value]

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


@pytest.mark.anyio
async def test_a_body_that_stands_still_is_given_up() -> None:
    request = coming({"type": "http.request", "body": b"a", "more_body": True})
    with pytest.raises(TooSlow):
        [piece async for piece in stream_of(request, Pace(silence_seconds=0.01))]


@pytest.mark.anyio
async def test_a_body_that_trickles_is_given_up() -> None:
    request = coming(*[{"type": "http.request", "body": b"a", "more_body": True}] * 3)
    with pytest.raises(TooSlow):
        [piece async for piece in stream_of(request, Pace(grace_seconds=0, bytes_per_second=10**12))]


@pytest.mark.anyio
async def test_a_body_whose_caller_went_away_is_incomplete() -> None:
    request = coming({"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.disconnect"})
    with pytest.raises(UploadIncomplete):
        [piece async for piece in stream_of(request)]
