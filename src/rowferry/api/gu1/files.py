"""Routes that take files: entities, transactions and user events in forms, by the platform's columns or a mapping."""

from collections.abc import AsyncIterator
from functools import partial

from fastapi import APIRouter, Request
from starlette.responses import Response

from rowferry.api.gu1 import plans
from rowferry.api.gu1.bodies import EntityForm, EventForm, TransactionForm, names_of, of_form
from rowferry.api.gu1.columns import header_of, translated
from rowferry.api.gu1.counting import counted, tabular
from rowferry.api.gu1.document import accepted, form_body, problems
from rowferry.api.gu1.plans import Plan
from rowferry.api.gu1.replies import Fault, too_many, wrong
from rowferry.api.gu1.rights import sender
from rowferry.api.gu1.saved import saved, saved_or_none, schema_of
from rowferry.api.gu1.shapes import accepted_shape
from rowferry.api.gu1.words import IMPORT_MODES, INVALID_FILE, BatchKind
from rowferry.api.wire import transfer
from rowferry.api.wire.bodies import gathered
from rowferry.api.wire.caller import gate_of, services_of
from rowferry.api.wire.replies import json_answer
from rowferry.api.wire.uploads import form_of
from rowferry.domain.access import Principal
from rowferry.domain.faults import MalformedJson
from rowferry.service.imports import Upload, in_thread

router = APIRouter(tags=["uploads"])

FILES_MAX = 5
TRANSACTIONS = "transactions"
JOINED_NAME = "transactions.csv"
MESSAGE = "The file is stored and waits to be read."


# Routes ---------------------------------------------------------------------------------------------------------------


@router.post(
    "/batch-import/import/entities",
    status_code=202,
    operation_id="import_entities",
    summary="Send a file of entities",
    description="Without a mapping the columns are the platform's: `tax_id`, `type`, `suggested_name`, `country_code`, others in snake_case.",
    responses=problems("upload") | accepted("EntityAccepted"),
    openapi_extra=form_body(EntityForm),
)
async def import_entities(request: Request) -> Response:
    principal = await sender(request, BatchKind.ENTITIES)
    limit = gate_of(request).batches.entities_max
    async with form_of(request, names_of(EntityForm), through=partial(counted, limit=limit)) as form:
        options = of_form(EntityForm, form.fields)
        translation = await saved_or_none(request, principal, BatchKind.ENTITIES, options.mapping_id)
        mode = IMPORT_MODES[options.entity_import_mode]
        plan, upload = plans.of_entities(options, mode, translation).limited(limit), form.upload
    return await _submitted(request, principal, plan, upload)


@router.post(
    "/transactions/batch/upload",
    status_code=202,
    operation_id="upload_transactions",
    summary="Send files of transactions (the other address)",
    responses=problems("upload") | accepted("BatchAccepted"),
    openapi_extra=form_body(TransactionForm, FILES_MAX)
    | {
        "parameters": [
            {
                "name": "validateGap",
                "in": "query",
                "required": False,
                "description": "Kept.",
                "schema": {"enum": ["true", "false"], "type": "string"},
            }
        ]
    },
)
@router.post(
    "/batch-import/import/transactions",
    status_code=202,
    operation_id="import_transactions",
    summary="Send files of transactions",
    description="Several files become one job. JSON is an array, or an object with the array `transactions`.",
    responses=problems("upload") | accepted("BatchAccepted"),
    openapi_extra=form_body(TransactionForm, FILES_MAX),
)
async def import_transactions(request: Request) -> Response:
    principal = await sender(request, BatchKind.TRANSACTIONS)
    async with form_of(request, names_of(TransactionForm), FILES_MAX, partial(_table, request, principal)) as form:
        options = of_form(TransactionForm, form.fields)
        if options.mapping_id is not None and options.column_mapping is not None:
            raise wrong("/columnMapping", "Send mappingId or columnMapping, not both.")
        translation = await saved_or_none(request, principal, BatchKind.TRANSACTIONS, options.mapping_id)
        if options.column_mapping is not None:
            schema = await schema_of(request, principal, BatchKind.TRANSACTIONS)
            translation = translated(options.column_mapping, None, "transaction", schema)
        limit = gate_of(request).batches.transactions_max * len(form.uploads)
        plan = plans.of_transactions(options, translation, transfer.now()).keeping(_queried(request)).limited(limit)
        upload = form.upload
    if len(form.uploads) > 1:
        upload = await services_of(request).imports.joined(JOINED_NAME, form.uploads)
    return await _submitted(request, principal, plan, upload)


@router.post(
    "/batch-import/import/user-events",
    status_code=202,
    operation_id="import_user_events",
    summary="Send a file of user events",
    responses=problems("upload") | accepted("BatchAccepted"),
    openapi_extra=form_body(EventForm),
)
async def import_user_events(request: Request) -> Response:
    principal = await sender(request, BatchKind.EVENTS)
    limit = gate_of(request).batches.events_max
    async with form_of(request, names_of(EventForm), through=partial(counted, limit=limit)) as form:
        options = of_form(EventForm, form.fields)
        translation = await saved(request, principal, BatchKind.EVENTS, options.mapping_id)
        plan, upload = plans.of_events(options, translation, transfer.now()).limited(limit), form.upload
    return await _submitted(request, principal, plan, upload)


async def _submitted(request: Request, principal: Principal, plan: Plan, upload: Upload) -> Response:
    job = (await services_of(request).imports.submit(principal, plan.asked(), upload)).job
    shape = accepted_shape(job, MESSAGE) | {"kind": job.kind}
    if "importMode" in plan.kept:
        shape["importMode"] = plan.kept["importMode"]
    return json_answer(shape, 202)


def _queried(request: Request) -> dict[str, object]:
    """The option in the query of the address that has one."""
    said = request.query_params.get("validateGap")
    if said is None:
        return {}
    if said not in {"true", "false"}:
        raise wrong("/query/validateGap", "validateGap must be true or false.")
    return {"validateGap": said == "true"}


# JSON in forms --------------------------------------------------------------------------------------------------------


def _table(request: Request, principal: Principal, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A file of transactions as it comes; JSON as the CSV that a job reads."""
    limit = gate_of(request).batches.transactions_max
    return tabular(pieces, partial(counted, limit=limit), partial(_of_json, request, principal))


async def _of_json(request: Request, principal: Principal, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    batches = gate_of(request).batches
    try:
        text = await gathered(pieces, batches.json_bytes_max, "The file")
        if text.lstrip().startswith("["):
            text = f'{{"{TRANSACTIONS}":{text}}}'
        sent = await services_of(request).imports.scanned(text, (TRANSACTIONS,))
    except MalformedJson as error:
        raise Fault(400, INVALID_FILE, str(error)) from None
    if not sent.columns:
        raise Fault(400, INVALID_FILE, "The JSON file has no transactions. Send an array of them.")
    if sent.count > batches.transactions_max:
        raise too_many(batches.transactions_max)
    schema = await schema_of(request, principal, BatchKind.TRANSACTIONS)
    return in_thread(sent.csv(header_of(sent.columns, schema)))
