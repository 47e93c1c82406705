"""Rules across the fields of a row: where `when` holds, `then` must hold."""

from dataclasses import dataclass

import polars as pl

from rowferry.domain.faults import RowCode
from rowferry.domain.schema import Rule, Schema
from rowferry.pipeline.conditions import Condition, InvalidCondition, condition
from rowferry.pipeline.reading import Misdeclared


@dataclass(frozen=True, slots=True)
class Judge:
    """A rule, compiled: `broken` over the typed fields is never null, `fields` are those that it names."""

    rule: Rule
    broken: pl.Expr
    fields: frozenset[str]


def judge(rule: Rule, schema: Schema) -> Judge:
    """Compiles a rule.

    A `when` that is null (a field that it asks about is empty) does not hold: the rule says nothing about that row. A `then` that is
    null breaks the rule: what must hold was not shown to hold. An author who means "or is empty" writes `… OR field IS NULL`.

    Raises:
        Misdeclared: a condition cannot be read, the rule blames a field that there is not, or its code is one of ours.
    """
    if rule.code in set(RowCode):
        raise Misdeclared("is a code that has a meaning already", "code")
    if rule.field is not None and rule.field not in schema.names:
        raise Misdeclared(f"there is no field {rule.field}", "field")
    fields, when = frozenset[str](), pl.lit(value=True)
    if rule.when is not None:
        holds = _condition(rule.when, schema, "when")
        fields, when = holds.fields, holds.expression.fill_null(value=False)
    must = _condition(rule.then, schema, "then")
    broken = when & ~must.expression.fill_null(value=False)
    return Judge(rule, broken, fields | must.fields)


def _condition(sql: str, schema: Schema, member: str) -> Condition:
    try:
        return condition(sql, schema.fields)
    except InvalidCondition as error:
        raise Misdeclared(str(error), member) from None
