"""Which changes of a declaration only add to a kind's table."""

from dataclasses import replace

import pytest

from rowferry.destinations.postgres import shape
from rowferry.domain.schema import Field, FieldType, ForeignKey, Schema

OLD = Schema(
    (
        Field("id", required=True, max_length=10),
        Field("size", enum=("S", "M")),
        Field("price", FieldType.NUMBER, scale=2, precision=10, minimum="0", maximum="100"),
        Field("day", FieldType.DATE, minimum="2000-01-01"),
        Field("code", pattern="[0-9]+", min_length=2, unique=True),
    ),
    ("id",),
)


def changed(name: str, **changes: object) -> Schema:
    return replace(OLD, fields=tuple(replace(one, **changes) if one.name == name else one for one in OLD.fields))


def differences(new: Schema) -> list[str]:
    return shape.differences(shape.from_schema(OLD), shape.from_schema(new))


def test_what_the_table_keeps_is_read_back_as_it_was() -> None:
    made = shape.from_schema(OLD)
    assert shape.from_json(made.to_json()) == made


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"columns": 1}'])
def test_a_comment_of_somebody_else_is_no_shape(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        shape.from_json(text)


@pytest.mark.parametrize(
    "new",
    [
        OLD,
        replace(OLD, fields=(*OLD.fields, Field("note"))),
        changed("id", max_length=20),
        changed("id", max_length=None),
        changed("id", title="Number", synonyms=("no",), sensitive=True),
        changed("size", enum=("L", "M", "S")),
        changed("size", enum=None),
        changed("price", precision=12),
        changed("price", precision=12, scale=4),
        changed("price", scale=None, precision=None),
        changed("price", minimum="-1", maximum="1000"),
        changed("price", minimum=None, maximum=None),
        changed("day", minimum="1999-12-31", format="%d.%m.%Y"),
        changed("code", pattern=None, min_length=1),
        replace(OLD, missing_values=("NULL",)),
        replace(OLD, foreign_keys=(ForeignKey(("size",), "sizes", ("name",)),)),
    ],
)
def test_what_only_adds_is_no_difference(new: Schema) -> None:
    assert differences(new) == []


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (replace(OLD, fields=OLD.fields[:-1]), "the field code is gone"),
        (replace(OLD, fields=(*OLD.fields, Field("note", required=True))), "the new field note is required"),
        (changed("size", required=True), "size: it would be required"),
        (changed("size", type=FieldType.INTEGER, enum=None), "size: its type is string and would be integer"),
        (changed("size", enum=("M",)), "size: its enum would allow fewer values"),
        (changed("id", max_length=5), "id: its maxLength would be 5"),
        (changed("size", max_length=5), "size: its maxLength would be 5"),
        (
            changed("price", scale=1),
            "price: its digits would be fewer (10, 2 of them decimals to 10, 1 of them decimals)",
        ),
        (
            changed("price", scale=4),
            "price: its digits would be fewer (10, 2 of them decimals to 10, 4 of them decimals)",
        ),
        (changed("price", minimum="1"), "price: its minimum would be 1"),
        (changed("price", maximum="99.9"), "price: its maximum would be 99.9"),
        (changed("day", maximum="2030-01-01"), "day: its maximum would be 2030-01-01"),
        (changed("day", minimum="2000-01-02"), "day: its minimum would be 2000-01-02"),
        (changed("code", pattern="[a-z]+"), "code: its pattern would be another"),
        (changed("code", min_length=3), "code: its minLength would be 3"),
        (changed("size", format="email"), "size: its format would be email"),
        (changed("code", unique=False), "(code) would no longer be unique"),
        (changed("size", unique=True), "(size) would be unique"),
        (replace(OLD, primary_key=("id", "size")), "the primary key is (id) and would be (id, size)"),
    ],
)
def test_what_does_more_is_named(new: Schema, words: str) -> None:
    assert words in differences(new)
