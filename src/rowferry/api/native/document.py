"""Makes the OpenAPI 3.1 document of the native API: what FastAPI knows of the routes, with our types, problems and examples."""

from collections.abc import Mapping
from typing import Any, cast

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from rowferry import __version__
from rowferry.api.native import answers, bodies, examples
from rowferry.api.native.shapes import problem, problem_shape
from rowferry.api.wire.openapi import Responses, ref, show
from rowferry.api.wire.openapi import schemas as made_schemas
from rowferry.api.wire.refusals import STATUS
from rowferry.domain import faults
from rowferry.domain.faults import Refusal

PREFIX = "/v1"
PROBLEM = "application/problem+json"

DESCRIPTION = """\
Rowferry imports rows in bulk and runs background jobs. A file or rows go in, the answer is `202` with a job at once; the job is polled,
its failed rows are read with their line, field and stable code, its files are downloaded.

Errors are problem details (RFC 9457) with a stable `code`. Lists are paged by an opaque token. Times are RFC 3339 in UTC."""


def problems(*refused: Refusal) -> Responses:
    """The problem answers of a route, those that every route with a token has included; two of one status share an answer."""
    by_status: dict[int, list[Refusal]] = {}
    for refusal in (*examples.always(), *refused):
        by_status.setdefault(STATUS[refusal.code], []).append(refusal)
    responses: Responses = {
        status: _problem_answer(
            " ".join(dict.fromkeys(f"{refusal.title}." for refusal in refusals)),
            {refusal.code: problem_shape(refusal, status, "/v1/…") for refusal in refusals},
        )
        for status, refusals in sorted(by_status.items())
    }
    broke = problem("internal", "Something broke", 500, "Something broke on our side. The log has it.", "/v1/…")
    responses[500] = _problem_answer("Something broke on our side.", {"internal": broke})
    return responses


def _problem_answer(description: str, shown: Mapping[str, object]) -> dict[str, Any]:
    named = {name: {"value": value} for name, value in shown.items()}
    return {"description": description, "content": {PROBLEM: {"schema": ref("Problem"), "examples": named}}}


def document(app: FastAPI, operation: Mapping[str, object]) -> dict[str, object]:
    """The whole document: the native routes under `/v1`, and the operational routes given."""
    made = get_openapi(title="Rowferry", version=__version__, description=DESCRIPTION, routes=app.routes)
    made["openapi"] = "3.1.0"
    made["servers"] = [{"url": "/", "description": "The server that this document came from."}]
    made["paths"] = {PREFIX + path: item for path, item in made["paths"].items()} | dict(operation)
    made["components"] = {
        "schemas": _schemas() | {"Status": made["components"]["schemas"]["Status"]},
        "securitySchemes": {
            "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "A token of a tenant: `rf_…`, made with `rowferry token create`.",
            }
        },
    }
    show(made["paths"], examples.by_schema())
    made["security"] = [{"token": []}]
    made["tags"] = [{"name": name, "description": said} for name, said in TAGS.items()]
    return made


TAGS = {
    "imports": "Send rows.",
    "jobs": "Follow a job and read what became of its rows.",
    "kinds": "What jobs may do, and the rows of import kinds.",
    "administration": "Tokens, tenants, workers.",
    "operation": "Health, metrics, documents.",
}


_NAMES = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_ON_REQUEST = {"type": "boolean", "description": "Looked at only by imports with the option `strict`."}
_FOREIGN_KEY = {
    "type": "object",
    "required": ["fields", "reference"],
    "properties": {
        "fields": _NAMES,
        "reference": {
            "type": "object",
            "required": ["fields"],
            "properties": {"resource": {"type": "string"}, "fields": _NAMES},
            "additionalProperties": False,
        },
        "alternatives": {
            "type": "array",
            "items": _NAMES,
            "description": "Other fields of the other kind by which a row of it may be named, each as many as `fields`.",
        },
        "onRequest": _ON_REQUEST,
    },
    "additionalProperties": False,
}
_DEPENDENCY = {
    "type": "object",
    "description": "All rows with the same values of `fields`, a beginning of `primaryKey`, have one value of `determines`.",
    "required": ["fields", "determines"],
    "properties": {"fields": _NAMES, "determines": {"type": "string"}, "onRequest": _ON_REQUEST},
    "additionalProperties": False,
}


def _schemas() -> dict[str, object]:
    schemas = made_schemas(answers.Answer, bodies.Body)
    for name, shown in examples.by_schema().items():
        schemas.setdefault(name, {})["examples"] = [shown]
    schemas["Problem"]["examples"] = [problem_shape(faults.NotFound(noun="job", name=examples.JOB_ID), 404, "/v1/…")]
    schemas["Declaration"] |= {
        "type": "object",
        "description": "An import kind: Table Schema (Data Package v2) under `schema`, with names of our own for what it lacks.",
        "required": ["name", "schema"],
        "properties": {
            "name": {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,62}$"},
            "title": {"type": "string"},
            "description": {"type": "string"},
            "schema": {
                "type": "object",
                "required": ["fields"],
                "properties": {
                    "fields": {"type": "array"},
                    "primaryKey": _NAMES,
                    "uniqueKeys": {"type": "array", "items": _NAMES},
                    "foreignKeys": {"type": "array", "items": _FOREIGN_KEY},
                    "dependencies": {"type": "array", "items": _DEPENDENCY},
                    "missingValues": {"type": "array", "items": {"type": "string"}},
                    "fieldsMatch": _NAMES,
                },
                "additionalProperties": False,
            },
            "rules": {"type": "array"},
            "modes": {"type": "array", "items": {"enum": ["upsert", "create", "update", "skip_existing"]}},
            "limits": {"type": "object"},
            "retention": {"type": "object"},
        },
        "additionalProperties": False,
    }
    return cast("dict[str, object]", dict(sorted(schemas.items())))
