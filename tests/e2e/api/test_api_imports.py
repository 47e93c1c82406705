"""Sending files and rows over HTTP: what is taken, what is refused with which code, and that a refusal leaves nothing behind."""

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from rowferry.domain.faults import StorageFull
from serving import CSV, Server, code, send, serving, token, work_off

LIMIT = 100_000


def stored(api: Server) -> set[str]:
    return {str(path) for path in api.blobs()}


@pytest.mark.parametrize(
    ("content", "kind", "options", "expected"),
    [
        (b"", "customers", None, (422, "empty-file")),
        (b"\xef\xbb\xbf", "customers", None, (422, "empty-file")),
        (CSV, "custmers", None, (422, "unknown-kind")),
        (CSV, "no such kind", None, (422, "unknown-kind")),
        (CSV, "export", None, (422, "invalid-request")),
        (CSV, "customers", "{not json", (400, "malformed-json")),
        (CSV, "customers", "[]", (422, "invalid-request")),
        (CSV, "customers", '{"mode": "upsrt"}', (422, "invalid-request")),
        (CSV, "customers", '{"mode": "replace"}', (422, "invalid-request")),
        (CSV, "customers", '{"colour": "red"}', (422, "invalid-request")),
        (CSV, "customers", '{"mapping": {"email": "no_such_field"}}', (422, "invalid-request")),
        (CSV, "customers", '{"mapping": {"email": "name", "name": "name"}}', (422, "invalid-request")),
        (CSV, "customers", '{"metadata": {"a": 5}}', (422, "invalid-request")),
        (CSV, "customers", '{"delimiter": "\\u0000"}', (422, "invalid-request")),
        (b"a" * (LIMIT + 1), "customers", None, (413, "too-large")),
        (b"a" * (3 * 1_000_000), "customers", None, (413, "too-large")),
    ],
)
def test_what_cannot_be_taken_is_refused_and_nothing_is_kept(api, ana, content, kind, options, expected) -> None:
    before = stored(api)
    answer = send(ana, content, kind, options)
    assert code(answer) == expected
    assert stored(api) == before
    assert ana.get("/v1/jobs").json()["jobs"] == []


def test_every_fault_of_the_options_is_named_with_its_place(ana) -> None:
    answer = send(ana, options='{"mode": "upsrt", "max_errors": -1, "colour": "red"}')
    pointers = {error["pointer"] for error in answer.json()["errors"]}
    assert pointers == {"/options/mode", "/options/max_errors", "/options/colour"}


def test_a_form_without_its_file_or_kind_says_which_is_missing(ana) -> None:
    without_file = ana.post("/v1/imports", files={"kind": (None, "customers")})
    without_kind = ana.post("/v1/imports", files={"file": ("a.csv", CSV)})
    assert code(without_file) == code(without_kind) == (422, "missing-part")
    assert ["file" in without_file.json()["detail"], "kind" in without_kind.json()["detail"]] == [True, True]


def test_parts_may_come_in_any_order(ana) -> None:
    parts = [("file", ("a.csv", CSV)), ("options", (None, '{"mode": "create"}')), ("kind", (None, "customers"))]
    for order in (parts, parts[::-1]):
        answer = ana.post("/v1/imports", files=order)
        assert answer.status_code == 202, answer.text
        assert answer.json()["options"]["mode"] == "create"


def test_a_form_with_a_part_twice_or_unknown_is_refused(api, ana) -> None:
    before = stored(api)
    twice = ana.post(
        "/v1/imports", files=[("file", ("a.csv", CSV)), ("file", ("b.csv", CSV)), ("kind", (None, "customers"))]
    )
    unknown = ana.post("/v1/imports", files=[("file", ("a.csv", CSV)), ("sort", (None, "customers"))])
    assert code(twice) == code(unknown) == (422, "invalid-request")
    assert stored(api) == before


def test_another_content_type_is_refused(ana) -> None:
    answer = ana.post("/v1/imports", content=CSV, headers={"Content-Type": "text/csv"})
    assert code(answer) == (415, "unsupported-media-type")
    without_boundary = ana.post("/v1/imports", content=CSV, headers={"Content-Type": "multipart/form-data"})
    assert code(without_boundary) == (422, "invalid-request")


@pytest.mark.parametrize("size", [LIMIT - len(CSV), LIMIT])
def test_a_file_up_to_the_limit_is_taken(ana, size) -> None:
    assert send(ana, (CSV * (size // len(CSV) + 1))[:size]).status_code == 202


def connected(api: Server) -> socket.socket:
    address = urlsplit(api.url)
    return socket.create_connection((address.hostname, address.port), timeout=30)


def test_an_upload_that_says_it_is_too_large_is_refused_before_it_is_sent(api, secret) -> None:
    with connected(api) as connection:
        connection.sendall(
            f"POST /v1/imports HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {secret()}\r\nContent-Length: 5000000000\r\n"
            "Content-Type: multipart/form-data; boundary=B\r\n\r\n".encode()
        )
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_an_upload_that_breaks_off_leaves_nothing(api, ana, secret) -> None:
    before = stored(api)
    with connected(api) as connection:
        connection.sendall(
            f"POST /v1/imports HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {secret()}\r\nContent-Length: 5000\r\n"
            "Content-Type: multipart/form-data; boundary=B\r\n\r\n--B\r\n"
            'Content-Disposition: form-data; name="kind"\r\n\r\ncustomers\r\n--B\r\n'
            'Content-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nemail,name\r\n'.encode()
        )
    while ana.get("/livez").status_code != 200 or any(path.endswith("csv") for path in stored(api) - before):
        pass
    assert ana.get("/v1/jobs").json()["jobs"] == []
    assert stored(api) == before


def test_a_form_without_its_end_is_incomplete(api, ana) -> None:
    before = stored(api)
    body = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nemail,name\r\n'
    answer = ana.post("/v1/imports", content=body, headers={"Content-Type": "multipart/form-data; boundary=B"})
    assert code(answer) == (400, "upload-incomplete")
    assert stored(api) == before


def test_a_full_disk_refuses_uploads(database, tmp_path, system, tenant) -> None:
    with (
        serving(database, tmp_path, disk_floor_bytes=1 << 60) as server,
        server.client(token(system, tenant.id, tenant.user)) as client,
    ):
        assert code(send(client)) == (507, StorageFull.code)
        assert client.get("/v1/jobs").json()["jobs"] == []
        assert server.blobs() == []


def test_too_many_waiting_jobs_are_refused(ana) -> None:
    for _ in range(30):
        assert send(ana).status_code == 202
    answer = send(ana)
    assert code(answer) == (429, "quota-exceeded")
    assert answer.headers["retry-after"]


# Idempotency-Key ------------------------------------------------------------------------------------------------------


def test_the_same_key_and_payload_is_the_same_job(api, ana) -> None:
    first = send(ana, headers={"Idempotency-Key": "nightly"})
    files = stored(api)
    again = send(ana, headers={"Idempotency-Key": '"nightly"'})
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert again.headers["idempotency-replayed"] == "true"
    assert stored(api) == files


@pytest.mark.parametrize(
    "other",
    [{"content": CSV + b"x@y.org,X\n"}, {"kind": "entity_automatic"}, {"options": '{"mode": "create"}'},
     {"options": '{"metadata": {"a": "b"}}'}],
)  # fmt: skip
def test_the_same_key_with_another_payload_is_refused(ana, other) -> None:
    send(ana, headers={"Idempotency-Key": "k"})
    assert code(send(ana, headers={"Idempotency-Key": "k"}, **other)) == (422, "idempotency-mismatch")


def test_defaults_that_are_said_are_the_same_payload(ana) -> None:
    first = send(ana, headers={"Idempotency-Key": "k"})
    again = send(ana, options='{"on_error": "continue", "dry_run": false}', headers={"Idempotency-Key": "k"})
    assert again.json()["id"] == first.json()["id"]


def test_a_key_is_the_tenants_own(ana, stranger) -> None:
    mine = send(ana, headers={"Idempotency-Key": "k"}).json()["id"]
    theirs = send(stranger, headers={"Idempotency-Key": "k"}).json()["id"]
    assert mine != theirs


def test_a_key_is_checked_before_quota_and_validation(ana) -> None:
    first = send(ana, headers={"Idempotency-Key": "k"})
    for _ in range(29):
        send(ana)
    again = send(ana, headers={"Idempotency-Key": "k"})
    assert again.json()["id"] == first.json()["id"]


def test_a_refused_request_leaves_its_key_free(ana) -> None:
    assert code(send(ana, kind="custmers", headers={"Idempotency-Key": "k"})) == (422, "unknown-kind")
    assert send(ana, headers={"Idempotency-Key": "k"}).status_code == 202


def test_a_key_that_is_forgotten_makes_a_new_job(ana, all_tenants) -> None:
    first = send(ana, headers={"Idempotency-Key": "k"}).json()["id"]
    all_tenants.execute("update idempotency_keys set expires_at = now() where job_id = %s", (first,))
    assert send(ana, headers={"Idempotency-Key": "k"}).json()["id"] != first


@pytest.mark.parametrize("key", ["", '""', "é".encode("latin-1"), "x" * 256])
def test_a_key_that_is_none_is_refused(ana, key) -> None:
    assert code(send(ana, headers={"Idempotency-Key": key})) == (422, "invalid-request")


def test_fifty_at_once_with_one_key_make_one_job(api, secret) -> None:
    bearer = secret()

    def one(_: int):
        with api.client(bearer) as client:
            return send(client, headers={"Idempotency-Key": "k"})

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(one, range(50)))
    made = {answer.json()["id"] for answer in answers if answer.status_code == 202}
    others = {code(answer) for answer in answers if answer.status_code != 202}
    assert len(made) == 1
    assert others <= {(409, "idempotency-in-progress")}


def test_a_key_whose_first_request_is_still_coming_in_is_in_progress(api, ana, secret) -> None:
    with connected(api) as connection:
        connection.sendall(
            f"POST /v1/imports HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {secret()}\r\nContent-Length: 500\r\n"
            "Idempotency-Key: slow\r\nExpect: 100-continue\r\nContent-Type: multipart/form-data; boundary=B\r\n\r\n".encode()
        )
        assert connection.recv(4096).startswith(b"HTTP/1.1 100 ")  # it waits for the body, and holds the key
        answer = send(ana, headers={"Idempotency-Key": "slow"})
        assert code(answer) == (409, "idempotency-in-progress")
        assert answer.headers["retry-after"] == "1"


# Rows in JSON ---------------------------------------------------------------------------------------------------------


def test_rows_in_json_become_a_job_and_are_loaded_exactly(api, ana, all_tenants) -> None:
    rows = '[{"email": "ana@example.org", "name": "Ana, \\"the\\" first", "balance": 10.50}, {"email": "b@example.org", "name": "B"}]'
    body = f'{{"kind": "customers", "rows": {rows}, "options": {{"mode": "create"}}}}'
    answer = ana.post("/v1/imports", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 202, answer.text
    work_off(api, all_tenants)
    job = ana.get(answer.json()["links"]["self"]).json()
    assert (job["status"], job["ledger"]["created"]) == ("succeeded", 2), job["failure"]
    found = ana.get("/v1/kinds/customers/rows").json()["rows"]
    assert [(row["name"], row["balance"]) for row in found] == [('Ana, "the" first', "10.50"), ("B", None)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{", (400, "malformed-json")),
        ("[]", (422, "invalid-request")),
        ("", (400, "malformed-json")),
        ('{"kind": "customers"}', (422, "invalid-request")),
        ('{"kind": "customers", "rows": 5}', (422, "invalid-request")),
        ('{"kind": "customers", "rows": [5]}', (422, "invalid-request")),
        ('{"kind": "customers", "rows": []}', (422, "empty-file")),
        ('{"kind": "customers", "rows": [{}]}', (422, "empty-file")),
        ('{"rows": [{"a": 1}]}', (422, "invalid-request")),
        ('{"kind": "custmers", "rows": [{"a": 1}]}', (422, "unknown-kind")),
        ('{"kind": "customers", "rows": [{"a": 1}], "url": "http://x"}', (422, "invalid-request")),
        ('{"kind": "customers", "rows": [{"a": 1}], "options": {"delimiter": ";"}}', (422, "invalid-request")),
        ('{"kind": "customers", "rows": [{"a": "\\ud800"}]}', (422, "invalid-request")),
        ('{"kind": "customers", "rows": [' + "[" * 5_000, (400, "malformed-json")),
        ('{"kind": "customers", "rows": [{"a": "' + "x" * LIMIT + '"}]}', (413, "too-large")),
    ],
)
def test_rows_in_json_that_do_not_fit_are_refused(api, ana, body, expected) -> None:
    before = stored(api)
    answer = ana.post("/v1/imports", content=body, headers={"Content-Type": "application/json"})
    assert code(answer) == expected
    assert stored(api) == before


def test_a_body_that_is_no_utf_8_is_no_json(ana) -> None:
    answer = ana.post("/v1/imports", content=b'{"kind": "\xff"}', headers={"Content-Type": "application/json"})
    assert code(answer) == (400, "malformed-json")


def test_the_callers_trace_is_kept(ana, all_tenants) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    kept = []
    for sent in (trace, "nonsense"):
        job = send(ana, headers={"traceparent": sent}).json()
        kept += all_tenants.execute("select trace_parent from jobs where id = %s", (job["id"],)).fetchone()
    assert kept == [trace, None]


def test_a_file_name_is_no_path_and_is_kept_as_text(ana) -> None:
    assert send(ana, name="../../etc/pass wd.csv").json()["source"]["file_name"] == "pass wd.csv"


def test_job_event_and_input_are_there_when_the_answer_comes(ana, all_tenants) -> None:
    job = send(ana, options=json.dumps({"priority": 7})).json()
    row = all_tenants.execute(
        "select (select array_agg(type) from events where job_id = j.id), (select count(*) from artifacts where job_id = j.id),"
        " priority, (select count(*) from waiting where tenant_id = j.tenant_id) from jobs j where id = %s",
        (job["id"],),
    ).fetchone()
    assert row == (["submitted"], 1, 7, 1)


def test_uploads_at_once_do_not_disturb_each_other(api, secret) -> None:
    bearer, answers = secret(), []

    def one(number: int) -> None:
        with api.client(bearer) as client:
            answers.append((number, send(client, CSV + b"n%d@example.org,N\n" % number).json()["source"]["sha256"]))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len({digest for _, digest in answers}) == 10


@pytest.mark.parametrize("size", [LIMIT + 1, 3 * 1_000_000])
def test_an_upload_that_is_too_large_is_told_the_limit_of_the_file(ana, size: int) -> None:
    assert f"limit of {LIMIT} bytes" in send(ana, b"a" * size).json()["detail"]
