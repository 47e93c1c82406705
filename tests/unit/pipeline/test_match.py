"""Duplicates in a file: the earlier row is found wherever it was, exactly, in bounded memory."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowferry.domain.faults import MASK, RowIssue
from rowferry.domain.schema import Field, FieldType, ForeignKey, ImportKind, ImportOptions, Mode
from rowferry.pipeline import transform
from rowferry.pipeline.keys import FAN, MEMORY_ENTRIES, Entries, Filter, Keys
from rowferry.pipeline.match import Judged, Seen
from rows_of import UPSERT, blocks_of, kind_of
from slow_reader import find_duplicates, read_rows

T = FieldType
Option = Literal["fail", "skip", "apply"]


def judged(
    kind: ImportKind, rows: Sequence[Sequence[str]], scratch: Path, *, size: int = 100, duplicates: Option = "fail"
) -> list[Judged]:
    """All rows, in blocks of that size. Each row is one line below the header."""
    names = kind.schema.names
    blocks = list(blocks_of(rows, len(names), size))
    plan = transform.compile(kind, names, tuple(enumerate(names)), UPSERT, lambda: blocks)
    with Seen(kind.schema, names, duplicates, scratch, rows=len(rows)) as seen:
        return [seen.judge(plan.apply(block)) for block in blocks]


def issues_of(found: list[Judged]) -> list[RowIssue]:
    return [issue for one in found for issue in one.issues]


def told(found: list[Judged]) -> list[tuple[int, str | None, str, str]]:
    return [(issue.row, issue.field, str(issue.code), issue.outcome) for issue in issues_of(found)]


KEYED = kind_of(Field("id", T.INTEGER, required=True), Field("name"), primary_key=("id",))


@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_key_is_found_in_an_earlier_row_wherever_blocks_are_cut(tmp_path: Path, size: int) -> None:
    found = judged(KEYED, [["1", "a"], ["2", "b"], ["1", "c"], ["3", "d"], ["1", "e"]], tmp_path, size=size)
    assert told(found) == [(3, "id", "primary-key", "failed"), (5, "id", "primary-key", "failed")]
    assert [issue.message for issue in issues_of(found)] == ["1 is also the key of line 2."] * 2
    assert [bit for one in found for bit in one.fresh] == [True, True, False, True, False]
    assert [bit for one in found for bit in one.valid] == [True, True, False, True, False]


def test_keys_are_values_and_not_texts(tmp_path: Path) -> None:
    rows = [["007", "a"], ["7", "b"], ["+7", "c"], ["70", "d"]]
    assert told(judged(KEYED, rows, tmp_path)) == [
        (2, "id", "primary-key", "failed"),
        (3, "id", "primary-key", "failed"),
    ]
    money = kind_of(Field("a", T.NUMBER, scale=2), Field("b", T.DATETIME), primary_key=("a", "b"))
    same = [
        ["1.5", "2020-01-01T12:00:00Z"],
        ["1.500", "2020-01-01 14:00+02:00"],
        ["1.5", "2020-01-01T12:00:00.000001Z"],
    ]
    (issue,) = issues_of(judged(money, same, tmp_path))
    assert (issue.row, issue.field, issue.value) == (2, None, None)
    assert issue.message == "1.500, 2020-01-01 14:00+02:00 is also the key of line 2."


def test_texts_are_compared_as_they_are_after_normalising(tmp_path: Path) -> None:
    kind = kind_of(Field("a"), primary_key=("a",))
    assert told(judged(kind, [["x"], ["X"], ["x "], ["é"], ["e\u0301"]], tmp_path)) == []


def test_the_parts_of_a_key_cannot_be_mistaken_for_another_key(tmp_path: Path) -> None:
    kind = kind_of(Field("a"), Field("b"), primary_key=("a", "b"))
    rows = [["a", "bc"], ["ab", "c"], ["1:", "x"], ["1", ":x"], ["1:a", "b"], ["a", "1:b"]]
    assert told(judged(kind, rows, tmp_path)) == []


def test_an_earlier_row_counts_even_when_it_failed_itself(tmp_path: Path) -> None:
    kind = kind_of(Field("id", T.INTEGER), Field("n", T.INTEGER), primary_key=("id",))
    found = judged(kind, [["1", "x"], ["1", "2"], ["1", "y"]], tmp_path)
    assert told(found) == [
        (1, "n", "type-error", "failed"),
        (2, "id", "primary-key", "failed"),
        (3, "n", "type-error", "failed"),
        (3, "id", "primary-key", "failed"),
    ]


def test_a_key_that_is_empty_or_faulty_is_none(tmp_path: Path) -> None:
    kind = kind_of(Field("id", pattern="[0-9]+", required=True), primary_key=("id",))
    found = judged(kind, [["x"], ["x"], [""], [""], ["1"]], tmp_path)
    assert [code for _, _, code, _ in told(found)] == ["pattern", "pattern", "required", "required"]


def test_skipped_duplicates_are_no_failures_unless_something_else_is_wrong(tmp_path: Path) -> None:
    kind = kind_of(Field("id", T.INTEGER), Field("n", T.INTEGER), primary_key=("id",))
    found = judged(kind, [["1", "1"], ["1", "2"], ["1", "x"]], tmp_path, duplicates="skip")
    assert told(found) == [
        (2, "id", "primary-key", "skipped"),
        (3, "n", "type-error", "failed"),
        (3, "id", "primary-key", "failed"),
    ]
    assert found[0].valid.to_list() == [True, False, False]


def test_applied_duplicates_are_valid_but_not_fresh(tmp_path: Path) -> None:
    (found,) = judged(KEYED, [["1", "a"], ["1", "b"]], tmp_path, duplicates="apply")
    assert (found.valid.to_list(), found.fresh.to_list(), list(found.issues)) == ([True, True], [True, False], [])
    assert [(one.index, one.key_set, one.row, one.line) for one in found.duplicates] == [(1, 0, 1, 2)]


UNIQUE = kind_of(
    Field("id", T.INTEGER),
    Field("mail", unique=True),
    Field("a"),
    Field("b"),
    primary_key=("id",),
    unique_keys=(("a", "b"),),
)


def test_a_unique_value_of_another_row_fails_whatever_becomes_of_duplicates(tmp_path: Path) -> None:
    rows = [["1", "m", "x", "y"], ["2", "m", "x", "z"], ["3", "n", "x", "y"], ["4", "", "x", ""], ["5", "", "x", ""]]
    for option in ("fail", "skip", "apply"):
        found = judged(UNIQUE, rows, tmp_path, duplicates=option)
        assert told(found) == [(2, "mail", "unique", "failed"), (3, None, "unique", "failed")]
        assert [issue.message for issue in issues_of(found)] == [
            "m must be unique and is also in line 2.",
            "x, y must be unique and is also in line 2.",
        ]


def test_rows_of_one_key_do_not_conflict_with_each_other(tmp_path: Path) -> None:
    rows = [["1", "m", "", ""], ["1", "n", "", ""], ["1", "n", "", ""], ["2", "n", "", ""]]
    assert told(judged(UNIQUE, rows, tmp_path, duplicates="apply")) == [(4, "mail", "unique", "failed")]
    assert told(judged(UNIQUE, rows, tmp_path)) == [
        (2, "id", "primary-key", "failed"),
        (3, "id", "primary-key", "failed"),
        (4, "mail", "unique", "failed"),
    ]


def test_a_key_set_counts_only_when_all_of_its_fields_are_in_the_file(tmp_path: Path) -> None:
    seen = Seen(UNIQUE.schema, ("id", "a"), "fail", tmp_path)
    assert seen.key_sets == (("id",),)
    assert Seen(UNIQUE.schema, ("mail",), "fail", tmp_path).keyed is False


def test_a_kind_without_a_key_has_unique_values_all_the_same(tmp_path: Path) -> None:
    kind = kind_of(Field("mail", unique=True))
    assert told(judged(kind, [["m"], ["m"], [""], [""]], tmp_path)) == [(2, "mail", "unique", "failed")]


def test_a_sensitive_key_is_masked(tmp_path: Path) -> None:
    kind = kind_of(Field("id", sensitive=True), primary_key=("id",))
    (issue,) = issues_of(judged(kind, [["secret"], ["secret"]], tmp_path))
    assert issue.value == issue.arguments["value"] == MASK


def test_rows_know_the_rows_that_they_may_refer_to(tmp_path: Path) -> None:
    manager = ForeignKey(("manager",), "", ("id",))
    kind = kind_of(Field("id", T.INTEGER), Field("manager", T.INTEGER), primary_key=("id",), foreign_keys=(manager,))
    names = kind.schema.names
    plan = transform.compile(kind, names, tuple(enumerate(names)), UPSERT)
    with Seen(kind.schema, names, "fail", tmp_path, rows=5) as seen:
        for block in blocks_of([["1", "2"], ["2", ""], ["3", "x"], ["4", ""], ["4", "1"]], 2, 2):
            seen.judge(plan.apply(block))
        asked = pl.DataFrame({"id": [1, 2, 3, 4, 5, None]}, schema={"id": pl.Int64})
        assert seen.knows(asked).to_list() == [True, True, False, True, False, True]
        with pytest.raises(KeyError):
            seen.knows(pl.DataFrame({"manager": [1]}))


SMALL = st.sampled_from(["", "1", "01", "2", "3", "x"])


@given(
    rows=st.lists(st.tuples(SMALL, SMALL, SMALL, SMALL), max_size=40),
    size=st.integers(1, 50),
    option=st.sampled_from(["fail", "skip", "apply"]),
)
@settings(max_examples=200, deadline=None)
def test_an_independent_reader_finds_the_same_duplicates(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], size: int, option: Option
) -> None:
    kind = kind_of(
        Field("id", T.INTEGER),
        Field("mail", unique=True, max_length=1),
        Field("a"),
        Field("b", T.INTEGER),
        primary_key=("id",),
        unique_keys=(("a", "b"),),
    )
    found = judged(kind, rows, tmp_path_factory.getbasetemp(), size=size, duplicates=option)
    slow_options = ImportOptions(mode=Mode.UPSERT, duplicates=option)
    slow = find_duplicates(kind, slow_options, read_rows(kind, slow_options, kind.schema.names, rows))
    codes = {"primary-key", "unique"}
    fast = [
        (issue.row, issue.field, str(issue.code), line_of(issue) - 1)
        for issue in issues_of(found)
        if issue.code in codes
    ]
    assert fast == slow


def line_of(issue: RowIssue) -> int:
    return int(str(issue.arguments.get("line") or issue.arguments["where"]).removeprefix("in line "))


# Keys past memory -----------------------------------------------------------------------------------------------------


def entries(high: Sequence[int], low: Sequence[int], row: int = 1) -> Entries:
    made = np.zeros((len(high), 5), np.uint64)
    made[:, 0], made[:, 1], made[:, 2] = high, low, row
    return made[np.argsort(made[:, 0], kind="stable")]


def test_keys_on_disk_are_found_again_in_every_generation_and_nothing_is_left_behind(tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    keys = Keys(tmp_path, expected=1_000)  # far too small a filter: every look-up goes to the runs
    batch = MEMORY_ENTRIES // 2 + 1
    added = []
    for number in range(2 * FAN + 3):
        high, low = random.integers(0, 2**64, (2, batch), dtype=np.uint64)
        keys.add(entries(high, low, number))
        added.append((high[:100], low[:100]))
    for number, (high, low) in enumerate(added):
        asked = entries(high, low)
        found, got = keys.find(asked[:, 0], asked[:, 1])
        assert found.all()
        assert (got[:, 2] == number).all()
        strange, _ = keys.find(asked[:, 0], asked[:, 1] + np.uint64(1))
        assert not strange.any()
    assert list(tmp_path.iterdir()) == []
    keys.close()


def test_keys_that_share_the_first_half_of_their_hash_are_told_apart(tmp_path: Path) -> None:
    keys = Keys(tmp_path, expected=10)
    high = [5] * 300
    keys.add(entries(high, range(300)))
    filler = np.arange(10, 10 + MEMORY_ENTRIES, dtype=np.uint64) << np.uint64(40)
    for spilled in (False, True):
        found, got = keys.find(np.full(3, 5, np.uint64), np.array([0, 60, 300], np.uint64))
        assert found.tolist() == [True, True, False]
        assert got[:2, 1].tolist() == [0, 60]
        if not spilled:
            keys.add(entries(filler.tolist(), filler.tolist()))


def test_the_smallest_and_the_largest_hash_are_keys_like_others(tmp_path: Path) -> None:
    keys = Keys(tmp_path, expected=10)
    edge = [0, 2**64 - 1]
    keys.add(entries(edge, edge))
    found, _ = keys.find(np.array(edge, np.uint64), np.array(edge, np.uint64))
    assert found.tolist() == [True, True]


@pytest.mark.parametrize(
    ("expected", "limit", "size"),
    [(0, 1 << 20, 128), (1_000, 1 << 20, 2048), (10**9, 1 << 20, 1 << 20), (10**9, 64, 128)],
)
def test_the_filter_has_its_size_and_no_more(expected: int, limit: int, size: int) -> None:
    assert Filter(expected, limit).bytes == size


def test_the_filter_forgets_nothing_and_seldom_errs() -> None:
    random = np.random.default_rng(3)
    kept = Filter(20_000, 1 << 20)
    high, low, other, more = random.integers(0, 2**64, (4, 20_000), dtype=np.uint64)
    kept.add(high, low)
    assert kept.maybe(high, low).all()
    assert kept.maybe(other, more).sum() < 200
