"""Rules across the fields of a row: where `when` holds, `then` must hold, be it a condition or a function over whole columns."""

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import polars as pl

from rowferry.domain.faults import JobFaultCode, JobStopped, RowCode, stop
from rowferry.domain.schema import Check, Rule, Schema
from rowferry.pipeline.conditions import Condition, InvalidCondition, condition
from rowferry.pipeline.literals import dtype
from rowferry.pipeline.reading import Misdeclared

CHARACTERS_SHOWN = 200
"""Characters of an error of a function that a message shows at most."""


@dataclass(frozen=True, slots=True)
class Judge:
    """A rule, compiled: `suspected` over the typed fields is never null, `fields` are those that it names.

    `secret`: one of them is sensitive.
    """

    rule: Rule
    suspected: pl.Expr
    fields: frozenset[str]
    secret: bool

    def broken(self, table: pl.DataFrame, suspects: pl.Series) -> pl.Series:
        """Which rows break the rule.

        Args:
            table: the typed fields of all rows.
            suspects: the rows of which `suspected` holds and that may be judged. Those of a condition break it; a function is asked.

        Raises:
            JobStopped: rule-failed, where the function gives no answer.
        """
        if isinstance(self.rule.then, str) or not suspects.any():
            return suspects
        try:
            kept = _answers(self.rule.then, table.filter(suspects).select(self.rule.fields))
        except _NoAnswer as error:
            raise self._failed(error) from error.__cause__
        return suspects.scatter(suspects.arg_true(), ~kept)

    def _failed(self, error: "_NoAnswer") -> JobStopped:
        reason = error.kind if self.secret else error.reason
        return stop(
            JobFaultCode.RULE_FAILED,
            f"The rule {self.rule.code} of the kind could not judge the rows: {reason}{error.place}. Nothing is wrong with the "
            "file: whoever wrote the kind must mend the rule's function.",
            rule=self.rule.code,
        )


def judge(rule: Rule, schema: Schema) -> Judge:
    """Compiles a rule.

    A `when` that is null (a field that it asks about is empty) does not hold: the rule says nothing about that row. A `then` that is
    null breaks the rule: what must hold was not shown to hold. An author who means "or is empty" writes `… OR field IS NULL`.

    Raises:
        Misdeclared: a condition cannot be read, the rule names a field that there is not, or its code is one of ours.
    """
    if rule.code in set(RowCode):
        raise Misdeclared("is a code that has a meaning already", "code")
    if rule.field is not None and rule.field not in schema.names:
        raise Misdeclared(f"there is no field {rule.field}", "field")
    _check_fields(rule, schema)
    fields, suspected = frozenset(rule.fields), pl.lit(value=True)
    if rule.when is not None:
        holds = _condition(rule.when, schema, "when")
        fields, suspected = fields | holds.fields, holds.expression.fill_null(value=False)
    if isinstance(rule.then, str):
        must = _condition(rule.then, schema, "then")
        fields, suspected = fields | must.fields, suspected & ~must.expression.fill_null(value=False)
    return Judge(rule, suspected, fields, any(schema.field(name).sensitive for name in fields))


def try_on_nothing(rule: Rule, schema: Schema) -> None:
    """Asks the function of a rule, if it is one, about no row: names that are misspelt and answers of a wrong sort show at once.

    Raises:
        Misdeclared: it raises an error, or its answer is no Boolean column.
    """
    if isinstance(rule.then, str):
        return
    nothing = pl.DataFrame(schema={name: dtype(schema.field(name)) for name in rule.fields})
    try:
        _answers(rule.then, nothing)
    except _NoAnswer as error:
        raise Misdeclared(f"asked about no row, {error.reason}{error.place}", "then") from error.__cause__


class _NoAnswer(Exception):
    """What a function did instead of answering: in words that may hold values of rows (`reason`), and in words that hold none (`kind`)."""

    def __init__(self, kind: str, detail: str = "", place: str = "") -> None:
        self.kind = kind
        self.reason = f"{kind}: {detail}" if detail else kind
        self.place = place
        super().__init__(self.reason)


def _answers(check: Check, table: pl.DataFrame) -> pl.Series:
    """For each row whether it keeps to the rule. Null is no: what must hold was not shown to hold.

    Raises:
        _NoAnswer: the function raised, or gave something else than one Boolean for each row.
    """
    try:
        answer = check(table)
        if isinstance(answer, pl.Expr):
            answer = table.select(answer.alias("answer")).to_series()
    except (Exception, pl.exceptions.PanicException) as error:  # a stranger's function may raise anything
        detail = " ".join(str(error).split())[:CHARACTERS_SHOWN]
        raise _NoAnswer(f"its function raised {type(error).__name__}", detail, _place(check, error)) from error
    if not isinstance(answer, pl.Series):
        raise _NoAnswer(f"its function gave {_sort(answer)}, and no Boolean column (polars.Series or polars.Expr)")
    if answer.dtype not in {pl.Boolean(), pl.Null()}:
        raise _NoAnswer(f"its function gave a column of the type {answer.dtype}, and no Boolean one")
    if len(answer) != table.height:
        raise _NoAnswer(f"its function gave {len(answer)} answers about {table.height} rows")
    return answer.cast(pl.Boolean).fill_null(value=False)


def _sort(answer: object) -> str:
    return "nothing" if answer is None else f"a {type(answer).__name__}"


def _place(check: Check, error: BaseException) -> str:
    """Where in the file of the function the error came from."""
    code: object = getattr(check, "__code__", None)
    file = cast("str | None", getattr(code, "co_filename", None))
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f" (line {lines[-1]} of {Path(file).name})" if file and lines else ""


def _check_fields(rule: Rule, schema: Schema) -> None:
    if isinstance(rule.then, str):
        if rule.fields:
            raise Misdeclared("are for rules that are functions; a condition names its fields itself", "fields")
        return
    if not callable(rule.then):
        raise Misdeclared("is neither a condition nor a function", "then")
    if not rule.fields:
        raise Misdeclared("a rule that is a function names the fields that it is asked about", "fields")
    unknown = [name for name in rule.fields if name not in schema.names]
    if unknown:
        raise Misdeclared(f"there is no field {unknown[0]}", "fields")
    if len(set(rule.fields)) < len(rule.fields):
        raise Misdeclared("a field is named twice", "fields")


def _condition(sql: str, schema: Schema, member: str) -> Condition:
    try:
        return condition(sql, schema.fields)
    except InvalidCondition as error:
        raise Misdeclared(str(error), member) from None
