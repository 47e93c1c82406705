"""What a person types and reads: the commands against a real server, their exit codes, and what goes where."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from driving import PROGRAM, Running

GOOD = "email,name\nana@example.org,Ana\nbob@example.org,Bob\n"
BAD = "email,name\nana@example.org,Ana\nnone,Bob\n"


@pytest.fixture
def typed(running: Running, tmp_path: Path, request: pytest.FixtureRequest):
    """Runs the program in an empty folder with a token of the test's own tenant."""
    tenant = "c" + str(abs(hash(request.node.name)) % 10**9)
    environment = os.environ | {"ROWFERRY_URL": running.url, "ROWFERRY_TOKEN": running.token(tenant)}

    def run(*arguments: str, stdin: str | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PROGRAM, *arguments],
            cwd=tmp_path,
            env=environment | more,
            input=stdin,
            capture_output=True,
            check=False,
            text=True,
            timeout=90,
        )

    run.folder = tmp_path
    run.environment = environment
    return run


def file(folder: Path, content: str, name: str = "people.csv") -> str:
    (folder / name).write_text(content)
    return name


def test_an_import_of_good_rows_ends_with_0_and_its_words_go_to_standard_error(typed):
    done = typed("import", file(typed.folder, GOOD), "--kind", "customers")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "Done: 2 rows in." in done.stderr


def test_an_import_with_bad_rows_ends_with_3_and_says_why_and_what_to_do(typed):
    done = typed("import", file(typed.folder, BAD), "--kind", "customers")
    assert done.returncode == 3
    assert "Partial: 1 in, 1 left out." in done.stderr
    assert "format" in done.stderr
    assert "rowferry jobs download" in done.stderr


def test_allow_partial_turns_3_into_0(typed):
    assert typed("import", file(typed.folder, BAD), "--kind", "customers", "--allow-partial").returncode == 0


def test_an_import_that_the_error_policy_stops_ends_with_1(typed):
    done = typed("import", file(typed.folder, BAD), "--kind", "customers", "--on-error", "abort")
    assert done.returncode == 1
    assert "0 rows written" in done.stderr


def test_json_prints_the_job_alone(typed):
    done = typed("import", file(typed.folder, BAD), "--kind", "customers", "--json")
    assert (done.returncode, done.stderr) == (3, "")
    assert json.loads(done.stdout)["ledger"]["failed"] == 1


def test_defaults_and_required_fields_can_be_given_on_the_command_line(typed):
    name = file(typed.folder, "email,name,country\nana@example.org,,\nbob@example.org,Bob,ES\n")
    flags = ("--default", "name=Nobody", "--default", "start_date=2026-01-31", "--require", "country", "--strict")
    done = typed("import", name, "--kind", "customers", *flags, "--json")
    assert done.returncode == 3, done.stderr
    job = json.loads(done.stdout)
    assert job["options"]["defaults"] == {"name": "Nobody", "start_date": "2026-01-31"}
    assert (job["options"]["required"], job["options"]["strict"]) == (["country"], True)
    lines = typed("jobs", "errors", job["id"], "--no-group", "--json").stdout.splitlines()
    assert [(one["line"], one["field"], one["code"]) for one in map(json.loads, lines)] == [(2, "country", "required")]


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("name", "is no NAME=VALUE"),
        ("name=", "gives no text"),
        ("colour=red", "no field colour"),
        ("email=x", "e-mail"),
    ],
)
def test_a_default_that_cannot_be_is_wrong_use(typed, flag, said):
    done = typed("import", file(typed.folder, GOOD), "--kind", "customers", "--default", flag)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())


def test_a_dash_reads_standard_input(typed):
    assert typed("import", "-", "--kind", "customers", stdin=GOOD).returncode == 0


def test_columns_can_be_named_on_the_command_line(typed):
    name = file(typed.folder, "Who,Post\nAna,ana@example.org\n")
    done = typed("import", name, "--kind", "customers", "--map", "Post=email", "--map", "Who=name")
    assert done.returncode == 0, done.stderr


def test_detach_prints_the_id_and_watch_waits_for_its_end(typed):
    sent = typed("import", file(typed.folder, BAD), "--kind", "customers", "--detach")
    assert sent.returncode == 0
    assert typed("jobs", "watch", sent.stdout.strip()).returncode == 3


def test_causes_issues_and_the_error_file_of_a_job_can_be_read(typed):
    job = json.loads(typed("import", file(typed.folder, BAD), "--kind", "customers", "--json").stdout)["id"]
    assert "format" in typed("jobs", "errors", job).stdout
    assert json.loads(typed("jobs", "errors", job, "--no-group", "--json").stdout)["line"] == 3
    assert json.loads(typed("jobs", "errors", job, "--format", "jsonl").stdout)["code"] == "format"
    head, first = typed("jobs", "errors", job, "--format", "csv").stdout.splitlines()
    assert (head.split(",")[:2], first.split(",")[:2]) == (["row", "line"], ["2", "3"])
    path = typed("jobs", "download", job, "--file", "errors").stdout.strip()
    assert (typed.folder / path).read_text().splitlines()[0].startswith("email,name,_row,_line,_code")


def test_lists_and_single_jobs_are_shown_as_text_and_as_json(typed):
    job = json.loads(typed("import", file(typed.folder, GOOD), "--kind", "customers", "--json").stdout)["id"]
    assert job in typed("jobs", "list").stdout
    assert json.loads(typed("jobs", "list", "--json", "--status", "succeeded").stdout.splitlines()[0])["id"] == job
    assert "2 created" in typed("jobs", "get", job).stdout
    assert json.loads(typed("jobs", "get", job, "--json").stdout)["id"] == job


def test_kinds_are_listed_shown_declared_and_have_templates(typed):
    declared = {"name": "pets", "schema": {"fields": [{"name": "name", "type": "string"}]}}
    assert "customers" in typed("kinds", "list").stdout
    assert "email" in typed("kinds", "get", "customers").stdout
    assert typed("kinds", "create", "-", stdin=json.dumps(declared)).stdout == "pets\n"
    assert typed("kinds", "template", "pets").stdout.splitlines()[0] == "name"
    assert typed("import", file(typed.folder, "name\nRex\n"), "--kind", "pets").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "more", "code"),
    [
        (("jobs", "get", "01998f6e-8b6c-7c11-9a55-0f6f5d1c2a01"), {}, 5),
        (("jobs", "list"), {"ROWFERRY_TOKEN": "rf_wrong"}, 4),
        (("jobs", "list"), {"ROWFERRY_TOKEN": ""}, 4),
        (("jobs", "list"), {"ROWFERRY_URL": "http://127.0.0.1:9"}, 9),
        (("jobs", "lost"), {}, 2),
        (("import", "nowhere.csv", "--kind", "customers"), {}, 2),
        (("import", "-", "--kind", "nothing"), {}, 2),
    ],
    ids=["not found", "not signed in", "no token", "no server", "wrong use", "no file", "unknown kind"],
)
def test_each_fault_has_its_exit_code_and_one_sentence(typed, arguments, more, code):
    done = typed(*arguments, stdin="email,name\n", **more)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Error" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_job_that_has_ended_stays_what_it_is_and_can_be_run_again(typed):
    job = json.loads(typed("import", file(typed.folder, GOOD), "--kind", "customers", "--json").stdout)["id"]
    for verb in ("cancel", "pause", "resume"):
        refused = typed("jobs", verb, job)
        assert (refused.returncode, refused.stdout) == (8, "")
        assert "succeeded" in refused.stderr
    again = typed("jobs", "rerun", job, "--json")
    assert again.returncode == 0, again.stderr
    new = json.loads(again.stdout)
    assert (new["original_job_id"], new["kind"]) == (job, "customers")
    assert typed("jobs", "watch", new["id"]).returncode == 0
    assert typed("jobs", "rerun", job).stdout.strip() != ""


def test_ctrl_c_stops_watching_and_says_how_to_come_back(typed):
    rows = "".join(f"a{number}@example.org,Ana\n" for number in range(200_000))
    name = file(typed.folder, f"email,name\n{rows}")
    process = subprocess.Popen(
        [*PROGRAM, "import", name, "--kind", "customers"],
        cwd=typed.folder,
        env=typed.environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert "Job" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        words = process.stderr.read()
        assert process.wait(60) == 130, words
    assert "rowferry jobs watch" in words
    assert "rowferry jobs cancel" in words


def test_the_version_and_the_help_need_no_server(typed):
    assert typed("--version").stdout.startswith("rowferry ")
    assert "import" in typed("--help").stdout


def test_migrate_says_what_is_due_and_a_token_can_be_made_beside_a_running_server(running, typed):
    assert json.loads(typed("migrate", "--check", "--data", str(running.data), "--json").stdout) == {"pending": []}
    made = typed("token", "create", "--data", str(running.data), "--tenant", "acme", "--scopes", "jobs:read")
    assert made.stdout.startswith("rf_")
    wrong = typed("token", "create", "--data", str(running.data), "--tenant", "acme", "--scopes", "everything")
    assert wrong.returncode == 1
    assert "everything is no scope" in wrong.stderr


def test_starting_the_program_imports_nothing_of_the_server(typed):
    code = "import sys, rowferry.cli; print([name for name in ('polars', 'fastapi', 'psycopg', 'httpx2') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stdout == "[]\n"


def test_a_file_of_a_job_comes_in_the_format_that_is_asked_for(typed):
    job = json.loads(typed("import", file(typed.folder, BAD), "--kind", "customers", "--json").stdout)["id"]
    done = typed("jobs", "download", job, "--format", "jsonl")
    assert (done.returncode, done.stdout) == (0, "people.errors.jsonl\n"), done.stderr
    (line,) = (typed.folder / "people.errors.jsonl").read_text().splitlines()
    assert json.loads(line) | {"_message": ""} == {
        "email": "none",
        "name": "Bob",
        "_row": "2",
        "_line": "3",
        "_code": "format",
        "_field": "email",
        "_message": "",
    }
    done = typed("jobs", "download", job, "--file", "output", "--format", "parquet", "-o", "rows")
    assert (done.returncode, done.stdout) == (0, "rows\n"), done.stderr
    assert (typed.folder / "rows").read_bytes().startswith(b"PAR1")


def test_a_template_comes_as_a_workbook(typed):
    done = typed("kinds", "template", "customers", "--format", "xlsx", "-o", "customers.xlsx")
    assert (done.returncode, done.stdout) == (0, "customers.xlsx\n"), done.stderr
    assert (typed.folder / "customers.xlsx").read_bytes().startswith(b"PK")
    assert typed("kinds", "template", "customers").stdout.startswith("email,name,")
