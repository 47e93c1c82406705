"""What the client decides: when it asks again, how long it waits, what an answer means. No network, no clock."""

import json
from collections.abc import Callable

import pytest

from rowferry_client import core, errors
from rowferry_client.core import Answer, Call, Lost, Pause, Policy


class Time:
    """A clock that pauses move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def policy(time: Time | None = None, retries: int = 2) -> Policy:
    return Policy(time or Time(), lambda: 0.5, retries)


def drive(exchange, answers: Callable[[Call, int], Answer | Lost], time: Time | None = None):
    """Drives an operation with answers made up one by one; gives its result, its calls and its pauses."""
    calls: list[Call] = []
    pauses: list[float] = []
    try:
        step = next(exchange)
        while True:
            if isinstance(step, Pause):
                pauses.append(step.seconds)
                if time is not None:
                    time.now += step.seconds
                step = exchange.send(Answer(0, {}))
                continue
            calls.append(step)
            answer = answers(step, len(calls))
            step = exchange.throw(answer) if isinstance(answer, Lost) else exchange.send(answer)
    except StopIteration as end:
        return end.value, calls, pauses


def body(value: object, status: int = 200, **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): text for name, text in headers.items()}, json.dumps(value).encode())


def job(status: str, version: int = 1, **more: object) -> dict[str, object]:
    return {"id": "j", "status": status, "version": version, **more}


def test_a_safe_request_is_sent_again_after_half_a_second_then_a_second():
    answers = {1: body({}, 503), 2: body({}, 502), 3: body({"ok": 1})}
    got, calls, pauses = drive(core.get("/x", policy()), lambda _, number: answers[number])
    assert (got.json(), len(calls), pauses) == ({"ok": 1}, 3, [0.5, 1.0])


def test_it_gives_up_after_two_retries():
    with pytest.raises(errors.NotReady):
        drive(core.get("/x", policy()), lambda *_: body({}, 503))


def test_retry_after_is_obeyed_up_to_two_minutes():
    answers = {1: body({}, 429, retry_after="7"), 2: body({})}
    assert drive(core.get("/x", policy()), lambda _, number: answers[number])[2] == [7.0]
    with pytest.raises(errors.RateLimited) as limited:
        drive(core.get("/x", policy()), lambda *_: body({}, 429, retry_after="121"))
    assert limited.value.retry_after == 121


def test_the_servers_word_that_a_retry_is_of_no_use_wins():
    with pytest.raises(errors.NotReady):
        assert drive(core.get("/x", policy()), lambda *_: body({"retryable": False}, 503)) is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 415, 422])
def test_a_refusal_is_not_tried_again(status):
    with pytest.raises(errors.APIError) as refused:
        drive(
            core.get("/x", policy()),
            lambda _, number: body({"code": "c", "detail": "d"}, status if number == 1 else 200),
        )
    assert (refused.value.status, refused.value.code, refused.value.detail) == (status, "c", "d")


def test_an_unsafe_request_is_sent_again_only_when_it_cannot_have_been_done():
    unsafe = Call("POST", "/x", safe=False)
    assert core.retry_seconds(unsafe, 1, Lost("cut", sent=True), policy()) is None
    assert core.retry_seconds(unsafe, 1, Lost("refused", sent=False), policy()) == 0.5
    assert core.retry_seconds(unsafe, 1, body({}, 500), policy()) is None
    assert core.retry_seconds(unsafe, 1, body({}, 503), policy()) == 0.5


def test_a_server_that_is_not_there_is_unreachable():
    with pytest.raises(errors.Unreachable):
        drive(core.get("/x", policy()), lambda *_: Lost("no route", sent=False))


class Sent:
    """An upload that was read."""

    name = "a.csv"
    sha256 = "abc"

    def read(self, size: int = -1, /) -> bytes:
        return b""


def test_the_idempotency_key_of_a_submit_is_the_same_in_each_try():
    answers = {1: Lost("cut", sent=True), 2: body(job("queued", source={"sha256": "abc"}), 202)}
    got, calls, _ = drive(core.submit(Sent(), "k", {}, "key", policy()), lambda _, number: answers[number])
    assert got.status == "queued"
    assert [call.headers["Idempotency-Key"] for call in calls] == ["key", "key"]


def test_the_idempotency_key_of_a_rerun_is_the_same_in_each_try():
    answers = {1: Lost("cut", sent=True), 2: body(job("queued"), 202)}
    got, calls, _ = drive(core.rerun("j1", "key", policy()), lambda _, number: answers[number])
    assert got.status == "queued"
    assert [(call.path, call.headers["Idempotency-Key"]) for call in calls] == [("/v1/jobs/j1/rerun", "key")] * 2


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume"])
def test_a_wish_about_a_job_is_asked_for_once(verb):
    got, calls, _ = drive(core.ask("j1", verb, policy()), lambda *_: body(job("paused")))
    assert got.status == "paused"
    assert [(call.method, call.path) for call in calls] == [("POST", f"/v1/jobs/j1/{verb}")]


def test_an_upload_that_arrived_otherwise_is_noticed():
    with pytest.raises(errors.Damaged):
        drive(
            core.submit(Sent(), "k", {}, "key", policy()), lambda *_: body(job("queued", source={"sha256": "x"}), 202)
        )


def test_a_wait_asks_the_server_to_hold_the_answer_and_sends_the_etag():
    time = Time()
    answers = {
        1: body(job("queued"), etag='"1"'),
        2: Answer(304, {}),
        3: body(job("running", 2), etag='"2"'),
        4: body(job("succeeded", 3)),
    }
    got, calls, _ = drive(core.waited("j", 60, policy(time)), lambda _, number: answers[number], time)
    assert got.status == "succeeded"
    assert [call.headers.get("If-None-Match") for call in calls] == [None, '"1"', '"1"', '"2"']
    assert "Prefer" not in calls[0].headers
    assert calls[1].headers["Prefer"] == "wait=10"


def test_a_wait_is_bounded_and_leaves_the_job_running():
    time = Time()
    with pytest.raises(errors.WaitTimeout) as over:
        drive(core.waited("j", 5, policy(time)), lambda *_: body(job("running"), etag='"1"'), time)
    assert over.value.job.status == "running"
    assert time.now - 1000 == pytest.approx(5)


def test_a_job_whose_lease_ran_out_long_ago_is_stalled():
    attempt = {"heartbeat_at": "2026-11-25T16:00:00.000Z", "lease_expires_at": "2026-11-25T16:00:15.000Z"}
    running = job("running", attempt=attempt)
    with pytest.raises(errors.JobStalled):
        drive(core.waited("j", 60, policy()), lambda *_: body(running, date="Wed, 25 Nov 2026 16:00:46 GMT"))
    fresh = body(running, date="Wed, 25 Nov 2026 16:00:44 GMT")
    got = drive(core.waited("j", 60, policy()), lambda _, number: fresh if number == 1 else body(job("succeeded")))[0]
    assert got.done


@pytest.mark.parametrize(
    ("status", "strict", "error"),
    [
        ("succeeded", True, None),
        ("partial", False, None),
        ("partial", True, errors.PartialImport),
        ("failed", False, errors.JobFailed),
        ("cancelled", False, errors.JobCancelled),
        ("interrupted", False, errors.JobInterrupted),
    ],
)
def test_each_end_of_a_job_has_its_exception_or_none(status, strict, error):
    ended = core.models.job(job(status))
    if error is None:
        core.judged(ended, strict=strict)
    else:
        with pytest.raises(error) as raised:
            core.judged(ended, strict=strict)
        assert raised.value.job is ended


class Sink:
    """What arrived, as hexadecimal digits of itself instead of a digest."""

    def __init__(self) -> None:
        self.content = b""

    @property
    def arrived(self) -> int:
        return len(self.content)

    @property
    def sha256(self) -> str:
        return self.content.hex()

    def restart(self) -> None:
        self.content = b""

    def write(self, chunk: bytes) -> None:
        self.content += chunk


def test_a_download_that_broke_off_goes_on_where_it_stopped():
    sink = Sink()

    def answers(call: Call, number: int) -> Answer | Lost:
        sink.write(b"ab" if number == 1 else b"cd")
        return Lost("cut", sent=True) if number == 1 else Answer(206, {})

    _, calls, _ = drive(core.downloaded("/f", sink, b"abcd".hex(), policy()), answers)
    assert sink.content == b"abcd"
    assert [call.headers.get("Range") for call in calls] == [None, "bytes=2-"]


def test_a_download_with_another_digest_is_refused():
    with pytest.raises(errors.Damaged):
        drive(core.downloaded("/f", Sink(), b"abcd".hex(), policy()), lambda *_: Answer(200, {}))


@pytest.mark.parametrize(
    ("given", "safe"), [("a.csv", "a.csv"), ("../../etc/passwd", "passwd"), ("c:\\x\\y.csv", "y.csv"), ("", "download")]
)
def test_the_name_of_a_download_leads_to_no_other_folder(given, safe):
    assert core.safe_name(given) == safe


def test_unknown_fields_of_a_job_are_kept():
    read = core.models.job(job("running", later={"x": 1}))
    assert read.wire["later"] == {"x": 1}


def test_a_file_that_is_made_on_the_way_begins_anew_where_it_broke_off():
    def answers(_call: Call, number: int) -> Answer | Lost:
        return Lost("cut", sent=True) if number == 1 else Answer(200, {})

    _, calls, _ = drive(core.made("/f", "xlsx", Sink(), policy()), answers)
    assert [(call.query, call.headers.get("Range")) for call in calls] == [({"format": "xlsx"}, None)] * 2


@pytest.mark.parametrize(("form", "name"), [(None, "a.errors.csv"), ("xlsx", "a.errors.xlsx")])
def test_a_download_is_called_by_its_format(form, name):
    assert core.name_in("x/a.errors.csv", form) == name
