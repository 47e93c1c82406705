"""Ids, JSON and texts as the store makes them."""

import json
import time

from rowferry.ids import uuid7
from rowferry.store.documents import dumped, text


def test_ids_are_uuids_of_version_7_that_sort_by_time() -> None:
    before = time.time_ns() // 1_000_000
    ids = [uuid7() for _ in range(1000)]
    after = time.time_ns() // 1_000_000
    assert len(set(ids)) == 1000
    assert {one.version for one in ids} == {7}
    assert {one.variant for one in ids} == {"specified in RFC 4122"}
    assert all(before <= one.int >> 80 <= after for one in ids)
    assert [one.int >> 80 for one in ids] == sorted(one.int >> 80 for one in ids)


def test_a_document_keeps_what_json_can_say() -> None:
    value = {"a": [1, 2.5, None, True, "ü"], "b": {"c": "\\u0000 is no NUL"}}
    assert json.loads(dumped(value)) == value


def test_nul_half_pairs_and_numbers_without_end_become_text() -> None:
    assert json.loads(dumped({"a\x00": ["x\x00y", "\udc80"], "n": 2**64, "m": -(2**63)})) == {
        "a␀": ["x␀y", "���"],
        "n": str(2**64),
        "m": str(-(2**63)),
    }
    assert text("plain") == "plain"
    assert text("a\x00\udc80") == "a␀���"
