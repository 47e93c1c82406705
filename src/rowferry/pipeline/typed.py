"""Values that were written as canonical text, in their own types again; and what columns of a file the fields of a kind are."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

import polars as pl

from rowferry.domain.faults import JobFaultCode, stop
from rowferry.domain.schema import Field, FieldType
from rowferry.pipeline.literals import digits, dtype
from rowferry.ports import Column, TableLines

DOCUMENTS = frozenset({FieldType.OBJECT, FieldType.ARRAY})
MOMENTS = frozenset({FieldType.DATE, FieldType.DATETIME, FieldType.TIME})
MICROSECONDS = ("%f", "%6f")
"""How Python and Polars call them."""


def columns_of(fields: Sequence[Field], says_itself: Set[FieldType] = frozenset(FieldType)) -> tuple[Column, ...]:
    """The columns of a file with the fields; those that `worded` makes texts are texts."""
    return tuple(
        Column(field.name, pl.String() if _worded(field, says_itself) else dtype(field), field.type in DOCUMENTS)
        for field in fields
    )


def typed(fields: Sequence[Field], texts: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """The values of canonical texts (digits with a point, `true` and `false`, ISO 8601), and the fields of which a text is none of its type.

    Args:
        fields: one for each column of `texts`, in their order.
        texts: String columns; null is null, and so is an empty text of a field that is no string.

    Returns:
        The values, a column a field; null where a text is none of its type.
    """
    named = texts.rename(dict(zip(texts.columns, (field.name for field in fields), strict=True)))
    frame = named.select(_value(field) for field in fields)
    wrong = [
        field.name
        for field in fields
        if (frame[field.name].is_null() & named[field.name].is_not_null() & (named[field.name] != "")).any()
    ]
    return frame, wrong


def worded(fields: Sequence[Field], frame: pl.DataFrame, says_itself: Set[FieldType]) -> pl.DataFrame:
    """The frame with dates and times as texts in the pattern of their field, where the format of the file leaves the reading to it.

    Args:
        fields: one for each column of the frame.
        frame: typed values.
        says_itself: types whose cells say their value themselves in the file.
    """
    return frame.with_columns(_in_pattern(field) for field in fields if _worded(field, says_itself))


def texts_of(fields: Sequence[Field], rows: Sequence[Mapping[str, str | None]]) -> pl.DataFrame:
    """Rows of canonical texts as columns: what `typed` takes."""
    return pl.DataFrame({field.name: pl.Series([row[field.name] for row in rows], dtype=pl.String) for field in fields})


def table_frames(
    fields: Sequence[Field], lines: Iterable[bytes], says_itself: Set[FieldType]
) -> Iterator[pl.DataFrame]:
    """The frames of a file of rows that a task has put out as `TableLines`.

    Raises:
        JobStopped: destination-rejected, where a stored value is none of its field's type.
    """
    for line in lines:
        frame, wrong = typed(fields, texts_of(fields, TableLines.of(line).rows))
        if wrong:
            raise stop(
                JobFaultCode.DESTINATION_REJECTED,
                f"A stored value of {', '.join(wrong)} has more digits than its type in a file. Export as csv.",
                fields=wrong,
            )
        yield worded(fields, frame, says_itself)


def _value(field: Field) -> pl.Expr:
    text = pl.col(field.name)
    match field.type:
        case FieldType.STRING:
            value = text
        case FieldType.OBJECT | FieldType.ARRAY:
            value = pl.when(text != "").then(text)
        case FieldType.INTEGER:
            value = text.cast(pl.Int64, strict=False)
        case FieldType.NUMBER:
            _, scale = digits(field)
            # The cast would round, so that texts with more decimals than the column are none of its values.
            whole = text.str.contains(rf"\A-?[0-9]+(\.[0-9]{{0,{scale}}}0*)?\z")
            value = pl.when(whole).then(text).cast(dtype(field), strict=False)
        case FieldType.BOOLEAN:
            value = pl.when(text.is_in(["true", "false"])).then(text == "true")
        case FieldType.DATE:
            value = text.str.to_date("%Y-%m-%d", strict=False)
        case FieldType.DATETIME:
            moment = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", strict=False)
            value = moment.dt.replace_time_zone("UTC")
        case FieldType.TIME:
            value = text.str.to_time("%H:%M:%S%.f", strict=False)
    return value


def _worded(field: Field, says_itself: Set[FieldType]) -> bool:
    return field.type in MOMENTS and field.type not in says_itself and "%" in field.format


def _in_pattern(field: Field) -> pl.Expr:
    value = pl.col(field.name)
    if field.type is FieldType.DATETIME and "%z" not in field.format and field.timezone is not None:
        value = value.dt.convert_time_zone(field.timezone)
    return value.dt.strftime(field.format.replace(*MICROSECONDS))
