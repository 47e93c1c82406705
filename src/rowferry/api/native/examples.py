"""One example of each answer and body of the native API; the OpenAPI document shows them, and a test holds them to their schemas."""

from collections.abc import Mapping, Sequence

from rowferry.domain import faults
from rowferry.domain.faults import Pointed, Refusal

JOB_ID = "01998f6e-8b6c-7c11-9a55-0f6f5d1c2a01"
ARTIFACT_ID = "01998f6e-8b6c-7c11-9a55-0f6f5d1c2a02"
TOKEN_ID = "01998f6e-8b6c-7c11-9a55-0f6f5d1c2a03"  # noqa: S105  # an id, no secret
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

LEDGER = {
    "read": 10037,
    "created": 5800,
    "updated": 363,
    "unchanged": 0,
    "skipped": 0,
    "failed": 37,
    "not_attempted": 0,
}
STEPS = ["receive", "inspect", "map", "validate", "match", "load", "report", "finish"]

JOB: Mapping[str, object] = {
    "id": JOB_ID,
    "number": 12,
    "kind": "customers",
    "type": "import",
    "status": "running",
    "version": 41,
    "created_at": "2026-11-25T16:00:00.000Z",
    "started_at": "2026-11-25T16:00:00.041Z",
    "finished_at": None,
    "created_by": {"id": 42, "name": "ana"},
    "source": {
        "file_name": "customers.csv",
        "bytes": 1200345,
        "sha256": DIGEST,
        "compression": None,
        "member": None,
        "format": "csv",
        "encoding": "utf-8",
        "delimiter": ";",
        "sheet": None,
        "sheets": [],
        "header_line": 1,
        "columns": ["Email", "Name"],
        "blank_records": 0,
        "lines_above": 0,
        "mapping": {"Email": "email", "Name": "name"},
        "decimal_signs": {"balance": ","},
    },
    "steps": {"completed": 5, "total": 8, "current": "load", "names": STEPS},
    "progress": {"fraction": 0.62, "done": 6200, "total": 10037, "per_second": 190000.0, "seconds_left": 0.1},
    "ledger": LEDGER,
    "attempt": {
        "number": 1,
        "max": 3,
        "worker": "host-a/2",
        "heartbeat_at": "2026-11-25T16:00:00.041Z",
        "lease_expires_at": "2026-11-25T16:00:15.041Z",
    },
    "cancel_requested_at": None,
    "pause_requested_at": None,
    "failure": None,
    "result": None,
    "options": {"mode": "upsert", "on_error": "continue"},
    "metadata": {"batch": "nightly"},
    "original_job_id": None,
    "same_file_as": None,
    "family": None,
    "links": {
        "self": f"/v1/jobs/{JOB_ID}",
        "issues": f"/v1/jobs/{JOB_ID}/issues",
        "artifacts": f"/v1/jobs/{JOB_ID}/artifacts",
        "events": None,
        "page": None,
    },
}
ISSUE: Mapping[str, object] = {
    "row": 41,
    "line": 42,
    "field": "start_date",
    "column": "Start Date",
    "code": "date-ambiguous",
    "level": "error",
    "message": "03/04/25 could be two dates. State the option date_order.",
    "value": "03/04/25",
    "arguments": {"value": "03/04/25"},
    "outcome": "failed",
    "record": "ana@example.org;Ana;03/04/25",
}
DECLARATION: Mapping[str, object] = {
    "name": "contacts",
    "title": "Contacts",
    "schema": {
        "fields": [
            {"name": "email", "type": "string", "format": "email", "constraints": {"required": True}},
            {"name": "list", "type": "string", "constraints": {"required": True}},
            {"name": "name", "type": "string"},
            {"name": "phone", "type": "string", "constraints": {"unique": True}},
            {"name": "manager", "type": "string"},
        ],
        "primaryKey": ["email", "list"],
        "foreignKeys": [
            {
                "fields": ["manager"],
                "reference": {"resource": "", "fields": ["email"]},
                "alternatives": [["phone"]],
                "onRequest": True,
            }
        ],
        "dependencies": [{"fields": ["email"], "determines": "name", "onRequest": True}],
    },
}
KIND: Mapping[str, object] = {
    "name": "contacts",
    "type": "import",
    "title": "Contacts",
    "description": None,
    "own": True,
    "declaration": DECLARATION,
    "params": None,
    "modes": ["upsert", "create", "update", "skip_existing"],
    "limits": {"rows": 10_000_000, "bytes": 5_000_000_000},
    "steps": STEPS,
    "links": {
        "self": "/v1/kinds/contacts",
        "template": "/v1/kinds/contacts/template.csv",
        "template_xlsx": "/v1/kinds/contacts/template.xlsx",
        "rows": "/v1/kinds/contacts/rows",
    },
}
CAUSE: Mapping[str, object] = {
    "code": "date-ambiguous",
    "field": "start_date",
    "shape": "99/99/99",
    "outcome": "failed",
    "rows": 22,
    "sample": ISSUE,
}
ARTIFACT: Mapping[str, object] = {
    "id": ARTIFACT_ID,
    "category": "errors",
    "name": "customers.errors.csv",
    "bytes": 5120,
    "sha256": DIGEST,
    "media_type": "text/csv",
    "expires_at": "2027-02-23T16:00:00.000Z",
    "url": f"/v1/jobs/{JOB_ID}/artifacts/{ARTIFACT_ID}",
}
WORKER: Mapping[str, object] = {
    "name": "host-a/2",
    "host": "host-a",
    "pid": 4242,
    "job_id": JOB_ID,
    "started_at": "2026-11-25T15:00:00.000Z",
    "heartbeat_at": "2026-11-25T16:00:00.041Z",
}
ROW: Mapping[str, object] = {"email": "ana@example.org", "balance": "12.50", "_job_id": JOB_ID, "_row": 1}
TOKEN: Mapping[str, object] = {
    "id": TOKEN_ID,
    "user": "ana",
    "name": "nightly import",
    "scopes": ["imports:write", "jobs:read"],
    "created_at": "2026-11-25T15:00:00.000Z",
    "expires_at": None,
    "revoked_at": None,
}
TENANT: Mapping[str, object] = {"id": 1, "slug": "demo"}


def _page(noun: str, entry: Mapping[str, object]) -> dict[str, object]:
    return {noun: [entry], "next_page_token": None}


def by_schema() -> Mapping[str, object]:
    """The example of each schema of the document by its name."""
    return {
        "JobAnswer": JOB,
        "JobList": _page("jobs", JOB),
        "IssueAnswer": ISSUE,
        "IssueList": _page("issues", ISSUE) | {"next_page_token": "kDp2YVt3cQ9bNDEsMV0"},
        "CauseList": _page("causes", CAUSE),
        "ArtifactList": _page("artifacts", ARTIFACT),
        "KindAnswer": KIND,
        "KindList": _page("kinds", KIND),
        "RowList": _page("rows", ROW),
        "WorkerList": _page("workers", WORKER),
        "TokenAnswer": {
            "id": TOKEN_ID,
            "token": "rf_shown-once-and-never-again-0000000000000000",
            "user": "ana",
            "name": "nightly import",
            "scopes": ["imports:write", "jobs:read"],
            "expires_at": None,
        },
        "TokenEntry": TOKEN,
        "TokenList": _page("tokens", TOKEN),
        "TenantList": _page("tenants", TENANT),
        "Readiness": {"status": "ready", "database": True, "migrations": True, "workers": 2},
        "ImportOptions": {
            "mode": "upsert",
            "on_error": "stop",
            "date_order": "dmy",
            "defaults": {"country": "DE"},
            "required": ["start_date"],
            "strict": True,
            "missing_reference": "abort",
        },
        "ImportRows": {
            "kind": "customers",
            "options": {"mode": "upsert"},
            "rows": [{"email": "ana@example.org", "name": "Ana", "balance": 12.50}],
        },
        "TaskBody": {"kind": "export", "params": {"kind": "customers"}, "options": {"metadata": {"for": "audit"}}},
        "TokenBody": {"user": "ana", "name": "nightly import", "scopes": ["imports:write", "jobs:read"]},
        "Declaration": DECLARATION,
    }


def always() -> Sequence[Refusal]:
    """What every route with a token may answer."""
    return (
        faults.Unauthenticated(reason="The token has expired."),
        faults.Forbidden(scope="jobs:read"),
        faults.RateLimited(limit=300_000, seconds=60, retry_after=12),
        faults.Unavailable(reason="The database does not answer."),
    )


def invalid(detail: str, pointer: str) -> Refusal:
    """A request that does not fit, for example so."""
    return faults.Invalid(reason=detail, errors=(Pointed(detail, pointer),))


def no_job() -> Refusal:
    """No job of that id for this tenant."""
    return faults.NotFound(noun="job", name=JOB_ID)


def no_kind() -> Refusal:
    """No kind of that name for this tenant."""
    return faults.NotFound(noun="kind", name="contacts")


def no_token() -> Refusal:
    """No token of that id for this tenant."""
    return faults.NotFound(noun="token", name=TOKEN_ID)


def bad_page() -> Refusal:
    """A page that is none."""
    return invalid("page_size is negative. Leave it out for the default.", "/query/page_size")


def bad_filter() -> Refusal:
    """A filter that the list does not have."""
    return invalid("colour is not known here.", "/query/colour")


def of_submit() -> Sequence[Refusal]:
    """What a request that creates a job may be refused for."""
    return (
        invalid("mode: Input should be 'upsert', 'create', 'update' or 'skip_existing'.", "/options/mode"),
        faults.UnknownKind(kind="custmers"),
        faults.IdempotencyMismatch(key="nightly-2026-11-24"),
        faults.IdempotencyInProgress(key="nightly-2026-11-24"),
        faults.MalformedJson(part="The part options", reason="Expecting value: line 1 column 1 (char 0)."),
        faults.QuotaExceeded(what="The number of waiting jobs", limit=100_000),
        faults.UnsupportedMedia(media_type="text/csv", accepted="multipart/form-data or application/json"),
        faults.TooLarge(what="The body", limit=5_000_000_000),
        faults.UploadIncomplete(reason="the connection was closed."),
        faults.TooSlow(rate=1_000),
    )


def of_import() -> Sequence[Refusal]:
    """And an import besides."""
    return (
        *of_submit(),
        faults.EmptyFile(name="customers.csv"),
        faults.MissingPart(part="file"),
        faults.StorageFull(floor=256_000_000),
    )
