"""The table of the benchmark says which goals are reached, and a row without a ratio is not judged."""

import runpy
from pathlib import Path

import pytest

FIGURES = runpy.run_path(str(Path(__file__).parents[3] / "benchmarks/figures.py"))
Found, Goal, Line = FIGURES["Found"], FIGURES["Goal"], FIGURES["Line"]


@pytest.mark.parametrize(
    ("goal", "ratio", "reached"),
    [
        (Goal(least=0.9), 0.9, True),
        (Goal(least=0.9), 0.89, False),
        (Goal(most=4), 4.0, True),
        (Goal(most=4), 4.1, False),
    ],
)
def test_a_goal_is_a_least_or_a_most(goal, ratio, reached):
    assert Line("what", "figure", ratio=ratio, goal=goal).as_json()["reached"] is reached


def test_a_line_that_could_not_be_measured_is_not_judged():
    line = Line("XLSX", "unsupported: unknown-format", goal=Goal(least=3))

    assert (line.as_json()["reached"], line.as_json()["goal"]) == (None, "≥ 3")


def test_the_table_says_yes_and_no(capsys):
    lines = [Line("fast [1]", "1 s", ratio=2.0, goal=Goal(1.5)), Line("slow", "9 s", ratio=0.1, goal=Goal(1.5))]

    FIGURES["show"]("5 rows", {"import": Found(lines)})

    said = capsys.readouterr().out
    rows = [line for line in said.splitlines() if "fast [1]" in line or "slow" in line]
    assert ["yes" in rows[0], "no" in rows[1]] == [True, True]
