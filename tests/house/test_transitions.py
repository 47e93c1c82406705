"""The docs and the database know the same states as the code."""

import re

from rowferry.domain.job import IMPORT_STEPS, TERMINAL, TRANSITIONS, WAITS_FOR_PEOPLE, Move, Status, after, allowed


def test_the_diagram_shows_exactly_the_ways_of_the_table(root):
    page = (root / "docs/reference/states.md").read_text(encoding="utf-8")
    drawn = re.findall(r"^\s+(\w+) --> (\w+): (\w+)$", page, re.MULTILINE)

    assert {(Status(old), Move(move)): Status(new) for old, new, move in drawn} == dict(TRANSITIONS)
    assert len(drawn) == len(TRANSITIONS)


def test_the_database_knows_the_same_statuses(root):
    sql = (root / "src/rowferry/store/migrations/0001_start.sql").read_text(encoding="utf-8")
    checked = re.search(r"status text not null default 'queued' check \(status in \((.*?)\)\)", sql, re.DOTALL)
    terminal = re.search(r"constraint terminal_times check \(\(status in \((.*?)\)\)", sql)

    assert set(re.findall(r"'(\w+)'", checked[1])) == set(Status)
    assert set(re.findall(r"'(\w+)'", terminal[1])) == TERMINAL


def test_every_status_can_be_reached_and_left_unless_it_is_the_end():
    reached = {Status.QUEUED} | set(TRANSITIONS.values())
    left = {status for status, _ in TRANSITIONS}

    assert reached == set(Status)
    assert set(Status) - left == TERMINAL - {Status.INTERRUPTED}
    assert {move for _, move in TRANSITIONS} == set(Move)


def test_what_waits_for_people_can_be_cancelled():
    assert all(
        allowed(status, Move.CANCEL) and after(status, Move.CANCEL) is Status.CANCELLED for status in WAITS_FOR_PEOPLE
    )


def test_the_eight_steps_stand_in_the_docs_in_their_order(root):
    page = (root / "docs/reference/states.md").read_text(encoding="utf-8")

    assert re.findall(r"^\| [1-8] \| `(\w+)` ", page, re.MULTILINE) == list(IMPORT_STEPS)
