"""Makes the OpenAPI 3.1 document of the native API: what FastAPI knows of the routes, with our types, problems and examples."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from rowferry import __version__
from rowferry.api.native import answers, bodies, examples
from rowferry.api.native.shapes import problem, problem_shape
from rowferry.api.wire.refusals import STATUS
from rowferry.domain import faults
from rowferry.domain.faults import Refusal

PREFIX = "/v1"
PROBLEM = "application/problem+json"
Responses = dict[int | str, dict[str, Any]]

DESCRIPTION = """\
Rowferry imports rows in bulk and runs background jobs. A file or rows go in, the answer is `202` with a job at once; the job is polled,
its failed rows are read with their line, field and stable code, its files are downloaded.

Errors are problem details (RFC 9457) with a stable `code`. Lists are paged by an opaque token. Times are RFC 3339 in UTC."""


def answer(
    description: str, model: type[BaseModel] | None = None, media_types: Mapping[str, object] | None = None
) -> dict[str, Any]:
    """One answer of a route: JSON of a model, or bytes of some media types."""
    content: dict[str, object] = {}
    if model is not None:
        content["application/json"] = {"schema": ref(model.__name__)}
    for media_type, schema in (media_types or {}).items():
        content[media_type] = {"schema": schema}
    return {"description": description, "content": content} if content else {"description": description}


def ref(name: str) -> dict[str, str]:
    """A reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


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


def body(model: str, description: str, *, required: bool = True) -> dict[str, Any]:
    """A JSON request body, for `openapi_extra`."""
    content = {"application/json": {"schema": ref(model)}}
    return {"requestBody": {"description": description, "required": required, "content": content}}


def path_parameter(name: str, description: str, schema: Mapping[str, object]) -> dict[str, Any]:
    """A parameter of the path that the route reads itself."""
    return {"name": name, "in": "path", "required": True, "description": description, "schema": dict(schema)}


def header_parameter(name: str, description: str, shown: str) -> dict[str, Any]:
    """A header that the route reads itself."""
    schema = {"type": "string", "maxLength": 255}
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": schema,
        "example": shown,
    }


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
    _show(made["paths"], examples.by_schema())
    made["security"] = [{"token": []}]
    made["tags"] = [{"name": name, "description": said} for name, said in TAGS.items()]
    return made


def _show(node: object, shown: Mapping[str, object]) -> None:
    """Puts the example of its schema beside each JSON body. Done here, since FastAPI takes nulls out of what it is given."""
    if isinstance(node, list):
        for one in cast("list[object]", node):
            _show(one, shown)
    elif isinstance(node, dict):
        members = cast("dict[str, object]", node)
        schema = members.get("schema")
        if isinstance(schema, dict) and len(cast("dict[str, object]", schema)) == 1:
            name = str(cast("dict[str, object]", schema).get("$ref", "")).rpartition("/")[2]
            if name in shown:
                members["example"] = shown[name]
        for one in members.values():
            _show(one, shown)


TAGS = {
    "imports": "Send rows.",
    "jobs": "Follow a job and read what became of its rows.",
    "kinds": "What jobs may do, and the rows of import kinds.",
    "administration": "Tokens, tenants, workers.",
    "operation": "Health, metrics, documents.",
}


def _schemas() -> dict[str, object]:
    modelled = [(model, "serialization") for model in _models(answers.Answer)]
    modelled += [(model, "validation") for model in _models(bodies.Body)]
    _, made = models_json_schema(cast("Any", modelled), ref_template="#/components/schemas/{model}")
    schemas = cast("dict[str, dict[str, object]]", made["$defs"])
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
            "schema": {"type": "object", "required": ["fields"], "properties": {"fields": {"type": "array"}}},
            "rules": {"type": "array"},
            "modes": {"type": "array", "items": {"enum": ["upsert", "create", "update", "skip_existing"]}},
            "limits": {"type": "object"},
            "retention": {"type": "object"},
        },
        "additionalProperties": False,
    }
    return cast("dict[str, object]", dict(sorted(schemas.items())))


def _models(parent: type[BaseModel]) -> Iterable[type[BaseModel]]:
    for child in parent.__subclasses__():
        yield child
        yield from _models(child)
