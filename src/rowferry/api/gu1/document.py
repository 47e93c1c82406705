"""Makes the OpenAPI 3.1 document of gu1: what FastAPI knows of the routes, with our types, errors and examples."""

from collections.abc import Mapping
from typing import Any, Literal, cast

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from rowferry import __version__
from rowferry.api.gu1 import answers, bodies, examples
from rowferry.api.gu1.replies import BROKEN
from rowferry.api.gu1.shapes import error_shape
from rowferry.api.gu1.words import (
    CONFLICT,
    EMPTY_FILE,
    INTERNAL_ERROR,
    INVALID_FILE,
    MAPPING_NOT_FOUND,
    NOT_FOUND,
    TOO_MANY_ITEMS,
    VALIDATION_ERROR,
)
from rowferry.api.wire.openapi import JSON, Responses, answer, path_parameter, ref, schemas, show

DESCRIPTION = """\
The batch import API of a compliance product: entities, transactions and user events go in as files or JSON, the answer is `202` with a job id,
the job is polled every 2 to 5 seconds, its failed rows are read as JSON or CSV.

Errors are `{"success": false, "error": {"code", "message", "details"}}`. Times are ISO 8601 in UTC with milliseconds."""

JOB_PARAMETER = path_parameter("job_id", "The id of a job.", {"type": "string", "format": "uuid"})
MAPPING_PARAMETER = path_parameter("mapping_id", "The id of a mapping.", {"type": "string", "format": "uuid"})

Case = Literal["upload", "batch", "job", "report", "control", "mapping", "change", "body", "query", "any"]
Said = tuple[int, str, str]

ALWAYS: tuple[Said, ...] = (
    (401, "UNAUTHORIZED", "The request has no token. Send a token as `Authorization: Bearer …`."),
    (403, "FORBIDDEN", "This token lacks the scope entities:bulk_import."),
    (429, "RATE_LIMITED", "More than 300000 requests in 60 seconds. Try again in 7 seconds."),
    (500, INTERNAL_ERROR, BROKEN),
)
NO_JOB: Said = (404, NOT_FOUND, f"There is no job {examples.JOB_ID} here.")
NO_MAPPING: Said = (404, NOT_FOUND, f"There is no mapping {examples.MAPPING_ID} here.")
BODY: Said = (400, VALIDATION_ERROR, "status: Input should be 'active', 'inactive' or 'blocked'.")
UPLOAD: tuple[Said, ...] = (
    BODY,
    (400, TOO_MANY_ITEMS, "There are more than 100,000 items. Send them in several requests."),
    (400, MAPPING_NOT_FOUND, f"There is no mapping {examples.MAPPING_ID} here."),
    (400, EMPTY_FILE, "The file people.csv holds no byte of data. Send a file with a header and rows."),
    (400, INVALID_FILE, "The upload is over the limit of 5000000000 bytes."),
)
CASES: Mapping[Case, tuple[Said, ...]] = {
    "upload": UPLOAD,
    "batch": (*UPLOAD, (400, "INVALID_ENTITY_REFERENCES", "3 transactions name entities that do not exist")),
    "job": (NO_JOB,),
    "report": (NO_JOB, (409, CONFLICT, "The job has not ended. Its report is made of its end.")),
    "control": (NO_JOB, BODY, (409, CONFLICT, "A job that is succeeded cannot take the move pause.")),
    "mapping": (NO_MAPPING,),
    "change": (BODY, NO_MAPPING),
    "body": (BODY,),
    "query": ((400, VALIDATION_ERROR, "limit: Input should be less than or equal to 200."),),
    "any": (),
}
"""What may go wrong with a route, besides what may with any."""


def problems(case: Case) -> Responses:
    """The errors of a route."""
    by_status: dict[int, list[Said]] = {}
    for said in (*ALWAYS, *CASES[case]):
        by_status.setdefault(said[0], []).append(said)
    return {
        status: {
            "description": ", ".join(code for _, code, _ in several),
            "content": {
                JSON: {
                    "schema": ref("ErrorAnswer"),
                    "examples": {code: {"value": error_shape(code, message)} for _, code, message in several},
                }
            },
        }
        for status, several in sorted(by_status.items())
    }


def accepted(model: str) -> Responses:
    """The answer to rows that are stored."""
    return {202: _answer("The rows are stored, and the job waits for a worker.", model)}


def done(model: str, status: int = 200, description: str = "It is done.") -> Responses:
    """The answer to what is done at once."""
    return {status: _answer(description, model)}


def shown(*models: str) -> Responses:
    """The answer to a question; several models where it depends on the job."""
    if len(models) == 1:
        return {200: _answer("As it stands.", models[0])}
    schema = {"anyOf": [ref(model) for model in models]}
    return {200: answer("As it stands.", media_types={JSON: schema})}


def table(description: str) -> Responses:
    """The answer that is a CSV file."""
    found = answer(description, media_types={"text/csv": {"type": "string"}})
    header = {"description": "An attachment with a name.", "schema": {"type": "string"}}
    return {200: found | {"headers": {"Content-Disposition": header}}}


def _answer(description: str, model: str) -> dict[str, Any]:
    return answer(description, media_types={JSON: ref(model)})


EMPTY: Mapping[str, object] = {"type": "string", "pattern": r"^\s*$", "description": "An empty field is as none."}


def form_body(model: type[bodies.Body], files: int = 1) -> dict[str, Any]:
    """A form with files and the fields of a model, for `openapi_extra`."""
    file: dict[str, object] = {"type": "string", "minLength": 1, "contentMediaType": "application/octet-stream"}
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    required: list[str] = schema.get("required", [])
    properties = {
        name: _field(name, one) if name in required else {"anyOf": [_field(name, one), EMPTY]}
        for name, one in schema["properties"].items()
    }
    # In a form, one part of the name is one file and a list of one alike.
    several = {"type": "array", "items": file, "minItems": 1, "maxItems": files}
    properties["file"] = file if files == 1 else {"anyOf": [file, several]}
    form = {
        "type": "object",
        "required": ["file", *required],
        "additionalProperties": False,
        "properties": properties,
    }
    said = "The file and the fields in any order. Flags are the texts `true` and `false`."
    return {
        "requestBody": {"description": said, "required": True, "content": {"multipart/form-data": {"schema": form}}}
    }


def _field(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """A field of a form: JSON and flags are texts there."""
    description = str(schema.get("description", ""))
    if name in bodies.JSON_FIELDS:
        return {"type": "string", "contentMediaType": JSON, "description": f"JSON as text. {description}".strip()}
    if name not in bodies.TEXTS | bodies.INTEGERS:
        return {"type": "string", "enum": [*bodies.FLAGS], "description": description}
    plain = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    return {key: value for key, value in plain[0].items() if key not in {"default", "title"}} | {
        "description": description
    }


def document(app: FastAPI) -> dict[str, object]:
    """The whole document."""
    made = get_openapi(title="gu1", version=__version__, description=DESCRIPTION, routes=app.routes)
    made["openapi"] = "3.1.0"
    for item in made["paths"].values():
        for operation in item.values():
            operation["responses"].pop("422", None)  # FastAPI's word for queries that do not fit; ours is 400
    made["servers"] = [{"url": "/", "description": "The server that this document came from."}]
    made["components"] = {
        "schemas": dict(sorted(schemas(answers.Answer, bodies.Body).items())),
        "securitySchemes": {
            "key": {"type": "http", "scheme": "bearer", "description": "A key of an organization, opaque."}
        },
    }
    show(made["paths"], examples.BY_SCHEMA)
    made["security"] = [{"key": []}]
    made["tags"] = [{"name": name, "description": said} for name, said in TAGS.items()]
    return cast("dict[str, object]", made)


TAGS = {
    "uploads": "Send entities, transactions, user events.",
    "jobs": "Follow a job, pause, resume and cancel it.",
    "failures": "Which rows failed, and why.",
    "mappings": "Which column of a file goes to which field.",
}
