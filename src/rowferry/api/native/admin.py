"""Routes of kinds and their rows, tenants and workers."""

import csv
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal, cast

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from rowferry.api.native import answers, examples
from rowferry.api.native.document import problems
from rowferry.api.native.parameters import NO_NUL, ROWS_PAGE, VALUE_CHARACTERS_MAX
from rowferry.api.native.shapes import kind_shape, list_shape, worker_shape
from rowferry.api.wire import transfer
from rowferry.api.wire.bodies import json_of
from rowferry.api.wire.caller import caller, services_of
from rowferry.api.wire.openapi import answer, body, path_parameter
from rowferry.api.wire.paging import Binding, invalid_parameter
from rowferry.api.wire.replies import json_answer
from rowferry.domain import faults
from rowferry.domain.access import Principal, Scope
from rowferry.domain.faults import Invalid, Pointed
from rowferry.service.catalog import Filter, ImportKind

router = APIRouter()

DECLARATION_BYTES_MAX = 1_000_000
FILTERS_MAX = 20
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PARQUET = "application/vnd.apache.parquet"
BINARY = {"type": "string", "format": "binary"}
PAGE_NAMES = frozenset({"page_size", "page_token"})
Operator = Literal["eq", "gte", "lte"]
OPERATORS: Mapping[str, Operator] = {"gte": "gte", "lte": "lte"}
KIND_PARAMETER = path_parameter("name", "The name of a kind.", {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,62}$"})
FILTER_PARAMETER = {
    "name": "filters",
    "in": "query",
    "required": False,
    "style": "form",
    "explode": True,
    "description": "Conditions on fields: `field=value`, `field.gte=value`, `field.lte=value`.",
    "schema": {"type": "object", "additionalProperties": {"type": "string", "maxLength": VALUE_CHARACTERS_MAX}},
    "example": {"country": "DE"},
}
PAGE_PARAMETERS = [
    {
        "name": "page_size",
        "in": "query",
        "required": False,
        "description": "How many at most. 0 means the default; too large is lowered; negative is an error.",
        "schema": {"type": "integer"},
    },
    {
        "name": "page_token",
        "in": "query",
        "required": False,
        "description": "`next_page_token` of the page before.",
        "schema": {"type": "string", "maxLength": 2000, "pattern": NO_NUL},
    },
]


# Kinds ----------------------------------------------------------------------------------------------------------------


@router.get(
    "/kinds",
    operation_id="list_kinds",
    tags=["kinds"],
    summary="All kinds that the tenant may use",
    responses=problems() | {200: answer("All kinds, by name.", answers.KindList)},
)
async def list_kinds(request: Request) -> Response:
    principal = await caller(request)
    found = await services_of(request).catalog.all(principal)
    return json_answer(list_shape("kinds", [kind_shape(kind) for kind in found], None))


@router.post(
    "/kinds",
    status_code=201,
    operation_id="declare_kind",
    tags=["kinds"],
    summary="Declare an import kind of the tenant",
    description="A kind that is there already is changed where the change only adds; its table follows at once.",
    responses=problems(
        faults.InvalidDeclaration(
            reason="The type text is none.", errors=(Pointed("The type text is none.", "/schema/fields/0/type"),)
        ),
        faults.KindExists(kind="export"),
        faults.KindDiffers(kind="contacts", differences="email is no longer a string", remedy="Declare a new kind."),
        faults.MalformedJson(part="The body", reason="Expecting value: line 1 column 1 (char 0)."),
        faults.TooLarge(what="The body", limit=DECLARATION_BYTES_MAX),
        faults.UnsupportedMedia(media_type="application/yaml", accepted="application/json"),
        faults.QuotaExceeded(what="The number of kinds", limit=200),
    )
    | {
        200: answer("The kind, changed or as it was.", answers.KindAnswer),
        201: answer("The kind, new.", answers.KindAnswer),
    },
    openapi_extra=body("Declaration", "The declaration, as in `spec/kind.md`: Table Schema under `schema`."),
)
async def declare_kind(request: Request) -> Response:
    principal = await caller(request, Scope.KINDS_WRITE)
    kind, new = await services_of(request).catalog.declare(principal, await json_of(request, DECLARATION_BYTES_MAX))
    headers = {"Location": f"/v1/kinds/{kind.name}"}
    return json_answer(kind_shape(kind), 201 if new else 200, headers)


@router.get(
    "/kinds/{name}",
    operation_id="get_kind",
    tags=["kinds"],
    summary="One kind, its schema and its limits",
    responses=problems(examples.no_kind()) | {200: answer("The kind.", answers.KindAnswer)},
    openapi_extra={"parameters": [KIND_PARAMETER]},
)
async def get_kind(request: Request) -> Response:
    principal = await caller(request)
    return json_answer(kind_shape(await services_of(request).catalog.get(principal, _name(request))))


@router.get(
    "/kinds/{name}/template.csv",
    operation_id="download_template",
    tags=["kinds"],
    summary="An empty CSV file with the kind's header",
    responses=problems(examples.no_kind()) | {200: answer("The file.", media_types={"text/csv": {"type": "string"}})},
    openapi_extra={"parameters": [KIND_PARAMETER]},
)
async def download_template(request: Request) -> Response:
    return await _template(request, "csv", "text/csv; charset=utf-8")


@router.get(
    "/kinds/{name}/template.xlsx",
    operation_id="download_template_xlsx",
    tags=["kinds"],
    summary="A workbook to fill in, with drop-downs and notes",
    description="Rows go on the first sheet, `Data`, whose header has the titles of the fields; the sheet `Notes` says what each column "
    "takes, with an example. A filled one is imported as it is.",
    responses=problems(examples.no_kind()) | {200: answer("The workbook.", media_types={XLSX: BINARY})},
    openapi_extra={"parameters": [KIND_PARAMETER]},
)
async def download_template_xlsx(request: Request) -> Response:
    return await _template(request, "xlsx", XLSX)


async def _template(request: Request, wanted: Literal["csv", "xlsx"], media_type: str) -> Response:
    principal, name = await caller(request), _name(request)
    content = await services_of(request).catalog.template(principal, name, wanted)
    headers = transfer.DOWNLOAD_HEADERS | {"Content-Disposition": transfer.attachment(f"{name}.template.{wanted}")}
    return Response(content, 200, headers, media_type)


# Rows -----------------------------------------------------------------------------------------------------------------


@router.get(
    "/kinds/{name}/rows",
    operation_id="list_rows",
    tags=["kinds"],
    summary="The tenant's rows of an import kind",
    responses=problems(examples.no_kind(), examples.bad_page()) | {200: answer("A page of rows.", answers.RowList)},
    openapi_extra={"parameters": [KIND_PARAMETER, FILTER_PARAMETER, *PAGE_PARAMETERS]},
)
async def list_rows(request: Request) -> Response:
    principal, kind, filters = await _rows_of(request, PAGE_NAMES)
    size = ROWS_PAGE.of(_page_size(request))
    binding = Binding(principal.tenant, f"rows of {kind.name}", tuple(filters))
    after = binding.position(request.query_params.get("page_token"))
    page = await services_of(request).catalog.rows(principal, kind, filters, cast("list[object] | None", after), size)
    following = None if page.after is None else binding.token(page.after)
    return json_answer(list_shape("rows", [dict(row) for row in page.rows], following))


@router.get(
    "/kinds/{name}/rows.csv",
    operation_id="download_rows_csv",
    tags=["kinds"],
    summary="All rows as CSV",
    responses=problems(examples.no_kind(), examples.invalid("There is no field colour.", "/query/colour"))
    | {200: answer("A header, then one line a row.", media_types={"text/csv": {"type": "string"}})},
    openapi_extra={"parameters": [KIND_PARAMETER, FILTER_PARAMETER]},
)
async def download_rows_csv(request: Request) -> Response:
    principal, kind, filters = await _rows_of(request, frozenset())
    batches = await services_of(request).catalog.row_stream(principal, kind, filters)
    columns = (*kind.schema.names, "_job_id", "_row")
    return _download(_csv_of(batches, columns), "text/csv; charset=utf-8", f"{kind.name}.csv")


@router.get(
    "/kinds/{name}/rows.jsonl",
    operation_id="download_rows_jsonl",
    tags=["kinds"],
    summary="All rows as JSON Lines",
    responses=problems(examples.no_kind(), examples.invalid("There is no field colour.", "/query/colour"))
    | {200: answer("One JSON object a row.", media_types={"application/jsonl": {"type": "string"}})},
    openapi_extra={"parameters": [KIND_PARAMETER, FILTER_PARAMETER]},
)
async def download_rows_jsonl(request: Request) -> Response:
    principal, kind, filters = await _rows_of(request, frozenset())
    batches = await services_of(request).catalog.row_stream(principal, kind, filters)
    return _download(_jsonl_of(batches), "application/jsonl", f"{kind.name}.jsonl")


@router.get(
    "/kinds/{name}/rows.xlsx",
    operation_id="download_rows_xlsx",
    tags=["kinds"],
    summary="All rows as a workbook",
    description="Texts are texts, numbers are numbers while none of their digits is lost and texts otherwise, dates are dates. A sheet "
    "holds 1,048,575 rows; more are refused before the first byte.",
    responses=problems(
        examples.no_kind(),
        examples.invalid("There is no field colour.", "/query/colour"),
        faults.Unavailable(reason="Too many downloads are made at once."),
    )
    | {200: answer("A sheet with a header, then one line a row.", media_types={XLSX: BINARY})},
    openapi_extra={"parameters": [KIND_PARAMETER, FILTER_PARAMETER]},
)
async def download_rows_xlsx(request: Request) -> Response:
    return await _made(request, "xlsx")


@router.get(
    "/kinds/{name}/rows.parquet",
    operation_id="download_rows_parquet",
    tags=["kinds"],
    summary="All rows as Parquet",
    description="Each column has the type of its field: decimals, dates and UTC moments as such.",
    responses=problems(
        examples.no_kind(),
        examples.invalid("There is no field colour.", "/query/colour"),
        faults.Unavailable(reason="Too many downloads are made at once."),
    )
    | {200: answer("The rows, in row groups.", media_types={PARQUET: BINARY})},
    openapi_extra={"parameters": [KIND_PARAMETER, FILTER_PARAMETER]},
)
async def download_rows_parquet(request: Request) -> Response:
    return await _made(request, "parquet")


async def _made(request: Request, wanted: str) -> Response:
    principal, kind, filters = await _rows_of(request, frozenset())
    made = await services_of(request).downloads.rows(principal, kind, filters, wanted)
    return _download(made.pieces, made.media_type, made.name)


async def _rows_of(request: Request, others: frozenset[str]) -> tuple[Principal, ImportKind, list[Filter]]:
    principal = await caller(request, Scope.JOBS_READ)
    kind = await services_of(request).catalog.import_kind(principal, _name(request))
    filters = [_filter(kind, name, value) for name, value in request.query_params.multi_items() if name not in others]
    if len(filters) > FILTERS_MAX:
        raise Invalid(reason=f"There are more than {FILTERS_MAX} filters.")
    return principal, kind, filters


def _filter(kind: ImportKind, name: str, value: str) -> Filter:
    field, _, word = name.rpartition(".")
    operator: Operator = OPERATORS.get(word, "eq")
    if not field or operator == "eq":
        field = name
    if field not in kind.schema.names:
        raise invalid_parameter(transfer.printable(name), f"There is no field {transfer.printable(field)}.")
    if len(value) > VALUE_CHARACTERS_MAX or "\0" in value:
        raise invalid_parameter(name, f"The value of {name} is longer than {VALUE_CHARACTERS_MAX} or holds NUL.")
    return Filter(field, operator, value)


def _page_size(request: Request) -> int | None:
    text = request.query_params.get("page_size")
    if text is None:
        return None
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 10):  # noqa: PLR2004  # far above any page
        raise invalid_parameter("page_size", "page_size is no integer.")
    return int(text)


async def _jsonl_of(batches: AsyncIterator[Sequence[Mapping[str, object]]]) -> AsyncIterator[bytes]:
    async for batch in batches:
        yield b"".join(orjson.dumps(row) + b"\n" for row in batch)


async def _csv_of(
    batches: AsyncIterator[Sequence[Mapping[str, object]]], columns: Sequence[str]
) -> AsyncIterator[bytes]:
    piece = io.StringIO(newline="")
    writer = csv.writer(piece)
    writer.writerow(columns)
    async for batch in batches:
        writer.writerows([_cell(row[column]) for column in columns] for row in batch)
        yield piece.getvalue().encode()
        piece.seek(0)
        piece.truncate()
    yield piece.getvalue().encode()


def _cell(value: object) -> str:
    """A value as a cell: what is text stays, the rest is as in JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _download(content: AsyncIterator[bytes], media_type: str, name: str) -> Response:
    headers = transfer.DOWNLOAD_HEADERS | {"Content-Disposition": transfer.attachment(name)}
    return StreamingResponse(content, 200, headers, media_type)


def _name(request: Request) -> str:
    return str(request.path_params["name"])


# Administration -------------------------------------------------------------------------------------------------------


@router.get(
    "/workers",
    operation_id="list_workers",
    tags=["administration"],
    summary="The processes that run jobs",
    responses=problems() | {200: answer("All worker processes.", answers.WorkerList)},
)
async def list_workers(request: Request) -> Response:
    principal = await caller(request, Scope.ADMIN)
    found = await services_of(request).health.workers(principal)
    return json_answer(list_shape("workers", [worker_shape(worker) for worker in found], None))


@router.get(
    "/tenants",
    operation_id="list_tenants",
    tags=["administration"],
    summary="The tenants that the token may see: its own",
    description="Tenants are made by the operator, with `rowferry token create --tenant NAME`.",
    responses=problems() | {200: answer("The caller's own tenant.", answers.TenantList)},
)
async def list_tenants(request: Request) -> Response:
    principal = await caller(request, Scope.ADMIN)
    own: dict[str, object] = {"id": int(principal.tenant), "slug": principal.tenant_slug}
    return json_answer(list_shape("tenants", [own], None))
