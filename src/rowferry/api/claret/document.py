"""Makes the OpenAPI 3.1 document of Claret: every route with its bodies, answers, failures and an example of each."""

from collections.abc import Mapping
from typing import Any

from rowferry import __version__
from rowferry.api.claret import answers, bodies, shapes, words
from rowferry.api.claret.routes import PAGE
from rowferry.api.wire.openapi import answer, body, path_parameter, ref, schemas, show
from rowferry.domain import faults
from rowferry.domain.faults import Refusal

DESCRIPTION = """\
The import API of the planning product Claret, spoken by Rowferry. Records go in as JSON, answered when they are in, or as a CSV file, answered
at once and followed by its `job_log_id`. The tenant in the path is the token's.

Failures are `{"message": …}`; what does not fit names its fields under `errors`. Times are UTC to the second."""

LINK = f"https://example.org/acme{PAGE}/31"
FOLDER = "/acme/download/acme/user-uploads/inventory-import/2026-03-04/31"
ARGUMENTS: Mapping[str, object] = {
    "allow_record_creation": True,
    "allow_record_update": True,
    "should_continue_on_error": True,
}
RECORD: Mapping[str, object] = {
    "item_name": "Item A",
    "bin_name": "Bin 1",
    "lot_name": "Lot 1",
    "date_filled": "2026-03-04",
    "quantity": 12.5,
    "uom": "kg",
}
CREDENTIALS: Mapping[str, object] = {"email": "ana@example.org", "password": "correct horse battery staple"}
EXAMPLES: Mapping[str, object] = {
    "Token": {"token": "1|0123456789abcdefghijABCDEFGHIJ0123456789"},
    "Arguments": ARGUMENTS,
    "Record": RECORD,
    "ImportBody": {"source": "api", "arguments": ARGUMENTS, "payload": [RECORD]},
    "Imported": {
        "message": "The import is done, and some records failed.",
        "content": {
            "created": 1,
            "updated": 0,
            "failed": 1,
            "errors": [{"row": 2, "errors": ["item_name: There is no row of item with Item Z."]}],
            "job_status_link": LINK,
        },
    },
    "Accepted": {
        "message": "The import is accepted. Follow it by its job_log_id.",
        "content": {"job_log_id": 31, "status": "pending", "job_status_link": LINK},
    },
    "DeleteBody": {"rows": [{"item": "Item A", "bin": "Bin 1", "date_filled": "2026-03-04"}, {"item": "Item B"}]},
    "Deleted": {"message": "The delete is done.", "content": {"deleted": 3, "job_status_link": LINK}},
    "JobStatus": {
        "message": shapes.RETRIEVED,
        "content": {
            "job_log_id": 31,
            "status": "completed",
            "type": "inventory-import",
            "description": "Inventory Import",
            "progress": {"completed_steps": 8, "total_steps": 8, "current_step": None},
            "files": {category: [f"{FOLDER}/inventory_20260304_{word}.csv"] for category, word in words.FILES.items()},
            "job_status_link": LINK,
            "timestamps": {"started_at": "2026-03-04T09:00:00Z", "completed_at": "2026-03-04T09:01:15Z"},
            "user_id": 7,
        },
    },
}
NO_JOB = faults.NotFound(noun="job", name=31)
NO_FILE = faults.NotFound(noun="file", name="inventory_20260304_final.csv")
TOO_OFTEN = faults.RateLimited(limit=6_000, seconds=60, retry_after=12)
UNFIT: Mapping[str, Refusal] = {
    "a field": bodies.wrong("arguments.allow_record_update", "is required"),
    "the body": faults.MalformedJson(part="The body", reason="Expecting value: line 1 column 1 (char 0)."),
    "too large": faults.TooLarge(what="The body", limit=10_000_000),
}

TENANT = path_parameter(
    "tenant", "The slug of the token's tenant.", {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,62}$"}
)
JOB = path_parameter("job_log_id", "The number of a job.", {"type": "integer", "minimum": 1, "maximum": 10**18 - 1})
WITH_REQUESTED = {
    "name": "X-Requested-With",
    "in": "header",
    "required": False,
    "description": "With it a failure of authentication is never a redirect, whatever `Accept` says.",
    "schema": {"type": "string"},
    "example": "XMLHttpRequest",
}

FOLLOWED: Mapping[str, object] = {
    "status": {
        "operationId": "get_job_status",
        "parameters": {"tenant": "$request.path.tenant", "job_log_id": "$response.body#/content/job_log_id"},
        "description": "The job is followed by its number.",
    }
}


def document() -> dict[str, object]:
    """The OpenAPI 3.1 document."""
    paths: dict[str, object] = {
        "/{tenant}/api/v1/tokens/create": {"post": _tokens()},
        "/{tenant}/api/v1/inventory/import/process": {"post": _import()},
        "/{tenant}/api/v1/inventory/batch-delete": {"post": _delete()},
        "/{tenant}/api/v1/imports/status/{job_log_id}": {"get": _status("get_job_status", "How a job stands")},
        "/{tenant}/download/{folder}/user-uploads/{type}/{date}/{job_log_id}/{name}": {"get": _download()},
        f"/{{tenant}}{PAGE}/{{job_log_id}}": {
            "get": _status("get_job_page", "The address behind job_status_link: the same as the status")
        },
    }
    made: dict[str, dict[str, object]] = schemas(answers.Answer, bodies.Sent) | schemas(answers.Answer, bodies.Deletion)
    for name in ("Sent", "Source", "Deletion", "Credentials"):
        made.pop(name, None)
    for name, shown in EXAMPLES.items():
        made[name]["examples"] = [shown]
    show(paths, EXAMPLES)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Rowferry, dialect Claret", "version": __version__, "description": DESCRIPTION},
        "servers": [{"url": "/", "description": "The server that this document came from."}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(made.items())),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of `tokens/create`, or any other of the tenant.",
                }
            },
        },
        "security": [{"token": []}],
    }


# Routes ---------------------------------------------------------------------------------------------------------------


def _tokens() -> dict[str, object]:
    query: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": said,
            "schema": {"type": "string", "minLength": 1, "maxLength": most},
        }
        for name, said, most in (("email", "The name of the user.", 254), ("password", "Their password.", 1_000))
    ]
    named = {"type": "object", "properties": {one["name"]: one["schema"] for one in query}}
    unknown = {"credentials": {"value": {"message": words.CREDENTIALS}}}
    return {
        "operationId": "create_token",
        "summary": "Sign in",
        "description": "E-mail and password stand in the query, or in the body; the body wins. The token may do what the user may.",
        "security": [],
        "parameters": [TENANT, *query],
        "requestBody": {
            "required": False,
            "content": {
                media_type: {"schema": named, "example": CREDENTIALS}
                for media_type in ("application/json", "application/x-www-form-urlencoded")
            },
        },
        "responses": {
            "200": answer("The token.", answers.Token),
            "401": _failing("There is no such user, password or tenant.", "Failure", unknown),
            **_refusals({"429": {"too often": TOO_OFTEN}, "422": {"a field": bodies.wrong("email", "is required")}}),
        },
    }


def _form() -> dict[str, object]:
    """The form of an import: its arguments and its mapping as JSON or part by part, and not both."""
    switch = {"enum": sorted(words.SWITCHES)}
    switched = {"enum": [True, False, 1, 0, *sorted(words.SWITCHES)]}
    allowing = {"enum": [True, 1, *(said for said, yes in words.SWITCHES.items() if yes)]}
    arguments = {
        "type": "object",
        "required": list(ARGUMENTS),
        "properties": dict.fromkeys(ARGUMENTS, switched),
        "anyOf": [{"properties": {name: allowing}} for name in ("allow_record_creation", "allow_record_update")],
        "description": "As in JSON; a form says yes and no in more words.",
    }
    single = {f"arguments[{name}]": switch for name in ARGUMENTS}
    either = [
        {"required": ["arguments"], "not": {"anyOf": [{"required": [name]} for name in single]}},
        {"required": list(single), "not": {"required": ["arguments"]}},
    ]
    once = [{"not": {"required": ["field_mapping"]}}, {"propertyNames": {"not": {"pattern": r"^field_mapping\["}}}]
    return {
        "type": "object",
        "required": ["file", "source"],
        "properties": {
            "file": {
                "type": "string",
                "minLength": 1,
                "contentMediaType": "text/csv",
                "description": f"CSV with a header and at most {bodies.RECORDS_MAX} records.",
            },
            "source": {"const": "api"},
            "arguments": arguments,
            **single,
            "field_mapping": {
                "type": "object",
                "additionalProperties": {"enum": [*words.FIELDS, "", None]},
                "description": "Column to field, or to none by an empty text or null. A column that is not named here goes to the field of its name.",
            },
        },
        "patternProperties": {r"^field_mapping\[.+\]$": {"enum": [*words.FIELDS, ""]}},
        "additionalProperties": False,
        "allOf": [{"anyOf": either}, {"anyOf": once}],
    }


def _import() -> dict[str, object]:
    json_type = {"contentType": "application/json"}
    return _guarded(
        "import_inventory",
        "Import inventory",
        {
            "200": answer("JSON: the import is done.", answers.Imported),
            "202": answer("CSV: the file is stored, and its job waits.", answers.Accepted) | {"links": FOLLOWED},
            **_refusals({"422": UNFIT}),
        },
        [],
    ) | {
        "description": f"At most {bodies.RECORDS_MAX} records. A record that does not fit fails by itself and is told by its number.",
        "requestBody": {
            "required": True,
            "content": {
                **body("ImportBody", "")["requestBody"]["content"],
                "multipart/form-data": {
                    "schema": _form(),
                    "encoding": {"arguments": json_type, "field_mapping": json_type},
                },
            },
        },
    }


def _delete() -> dict[str, object]:
    return _guarded(
        "delete_inventory",
        "Delete inventory",
        {"200": answer("The rows are gone.", answers.Deleted), **_refusals({"422": UNFIT})},
        [],
    ) | body("DeleteBody", "Rows, or the criteria of a filter.")


def _status(operation: str, summary: str) -> dict[str, object]:
    responses = {
        "200": answer("The job, whatever became of it.", answers.JobStatus),
        **_refusals({"404": {"no job": NO_JOB}}),
    }
    return _guarded(operation, summary, responses, [JOB])


def _download() -> dict[str, object]:
    text = {"type": "string"}
    parameters = [
        path_parameter("folder", "The tenant again.", text),
        path_parameter("type", "The kind of the job.", text),
        path_parameter("date", "The day of the job.", {"type": "string", "format": "date"}),
        JOB,
        path_parameter("name", "The name of the file.", text),
    ]
    responses = {
        "200": answer(
            "The file. Of a task it has the media type of what the task makes.",
            media_types={"text/csv": text, "*/*": {}},
        ),
        **_refusals({"404": {"no file": NO_FILE}}),
    }
    return _guarded("download_file", "Download a file that a status names", responses, parameters)


# Answers --------------------------------------------------------------------------------------------------------------


def _guarded(
    operation: str, summary: str, responses: Mapping[str, object], parameters: list[dict[str, Any]]
) -> dict[str, object]:
    """A route that asks for a token."""
    token = {"token": {"value": {"message": words.UNAUTHENTICATED}}}
    login = {"Location": {"description": "The page for signing in.", "schema": {"type": "string"}}}
    shared = {
        "302": {
            "description": "No token, where `Accept` asks for HTML and X-Requested-With is missing.",
            "headers": login,
        },
        "401": _failing("No token of this tenant.", "Failure", token),
        **_refusals({"403": {"scope": faults.Forbidden(scope="imports:write")}, "429": {"too often": TOO_OFTEN}}),
    }
    every = dict(sorted((shared | dict(responses)).items()))
    return {
        "operationId": operation,
        "summary": summary,
        "parameters": [TENANT, *parameters, WITH_REQUESTED],
        "responses": every,
    }


SAID = {
    "403": "The token may not do this.",
    "404": "There is none.",
    "422": "The request does not fit.",
    "429": "Too often.",
    "500": "It broke on our side, the database does not answer, or a job that the answer waits for came to no good end.",
}


def _refusals(refused: Mapping[str, Mapping[str, Refusal]]) -> dict[str, dict[str, Any]]:
    """The answers to some refusals by number, and to what breaks; what cannot be read at an address is not there."""
    unavailable = shapes.refusal_shape(faults.Unavailable(reason="The database does not answer."))
    broken = {"broken": {"value": {"message": words.BROKEN}}, "unavailable": {"value": unavailable}}
    found: dict[str, dict[str, Any]] = {"500": _failing(SAID["500"], "Failure", broken)}
    for number, refusals in refused.items():
        shown = {name: {"value": shapes.refusal_shape(refusal)} for name, refusal in refusals.items()}
        found[number] = _failing(SAID[number], "Unprocessable" if number == "422" else "Failure", shown)
        if number == "429":
            seconds = {"description": "When to come back, in seconds.", "schema": {"type": "integer"}}
            found[number]["headers"] = {"Retry-After": seconds}
    return found


def _failing(description: str, model: str, shown: Mapping[str, object]) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/json": {"schema": ref(model), "examples": dict(shown)}},
    }
