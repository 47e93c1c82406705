"""A statement is a file: one statement, named after what it does, its columns said, its tenant too."""

import re

import pytest

ACTS = re.compile(r"[a-z]+(_[a-z0-9]+)+\.sql")
ALL_TENANTS = re.compile(r"^-- all tenants: \S+ \S+", re.MULTILINE)
STRINGS = re.compile(r"'(?:[^']|'')*'")
COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


def bare(text):
    """The statement without comments and texts."""
    return STRINGS.sub("''", COMMENTS.sub("", text)).strip()


@pytest.fixture(scope="module")
def statements(root):
    return {
        path.name: path.read_text(encoding="utf-8") for path in sorted((root / "src/rowferry/store/sql").rglob("*.sql"))
    }


@pytest.fixture(scope="module")
def tenant_tables(root):
    """The tables with a tenant in each row, as the migrations make them."""
    folder = root / "src/rowferry/store/migrations"
    made = ";".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*_start.sql")))
    tables = [re.match(r"\s*create table (\w+)", one) for one in bare(made).split(";")]
    return {found[1] for found in tables if found and "tenant_id" in found.string}


def test_each_file_is_named_after_what_it_does(statements):
    assert statements
    assert [name for name in statements if not ACTS.fullmatch(name)] == []


def test_each_file_holds_one_statement(statements):
    assert [name for name, text in statements.items() if not bare(text) or ";" in bare(text).rstrip(";").rstrip()] == []


def test_each_statement_names_its_columns(statements):
    star = re.compile(r"(?:\bselect|\breturning|,)\s+(?:\w+\.)?\*", re.IGNORECASE)
    unnamed = re.compile(r"\binsert\s+into\s+[\w.\"]+\s+(?:values|select)\b", re.IGNORECASE)

    assert [name for name, text in statements.items() if star.search(bare(text)) or unnamed.search(bare(text))] == []


def test_each_statement_on_rows_of_tenants_names_the_tenant_or_says_why_not(statements, tenant_tables):
    assert {"jobs", "chunks", "row_issues", "events", "tokens"} <= tenant_tables
    table = re.compile(
        r"\b(?:from|join|into|update|using)\s+(?:rowferry\.)?(" + "|".join(sorted(tenant_tables)) + r")\b",
        re.IGNORECASE,
    )
    said = re.compile(r"\btenant_id\b|\btenant\(\)|%\(tenant\)s", re.IGNORECASE)
    silent = [
        name for name, text in statements.items()
        if table.search(bare(text)) and not said.search(bare(text)) and not ALL_TENANTS.search(text)
    ]  # fmt: skip

    assert silent == []
