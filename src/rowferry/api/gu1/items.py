"""Routes that take rows as JSON: bulks of entities, and batches of transactions that are waited for or not."""

import time
from collections.abc import Sequence
from typing import TypeVar

from fastapi import APIRouter, Request
from starlette.responses import Response

from rowferry.api.gu1 import plans
from rowferry.api.gu1.bodies import Body, EntityBulk, TransactionBatch, TransactionSource, TransactionSources
from rowferry.api.gu1.columns import header_of, named
from rowferry.api.gu1.document import accepted, done, problems
from rowferry.api.gu1.plans import Plan
from rowferry.api.gu1.replies import Fault, too_many, wrong
from rowferry.api.gu1.rights import may_send_bulk, sender
from rowferry.api.gu1.saved import schema_of
from rowferry.api.gu1.shapes import accepted_shape, batch_shape, camel
from rowferry.api.gu1.words import IMPORT_MODES, PROCESSING_ERROR, TOO_MANY_ITEMS, BatchKind, job_code
from rowferry.api.wire import transfer
from rowferry.api.wire.bodies import refuse_unstorable, text_of
from rowferry.api.wire.caller import WAITED_SECONDS, gate_of, services_of
from rowferry.api.wire.models import checked
from rowferry.api.wire.openapi import body
from rowferry.api.wire.replies import json_answer
from rowferry.domain.access import Principal
from rowferry.domain.faults import Invalid, JobFault, Pointed, TooLarge
from rowferry.domain.job import Job, Status
from rowferry.domain.ledger import Outcome
from rowferry.domain.schema import Schema
from rowferry.service.imports import TABLE_NAME, Upload, in_thread
from rowferry.service.jobs import RowResult
from rowferry.service.records import SentRows

router = APIRouter(tags=["uploads"])
B = TypeVar("B", bound=Body)

ITEMS, TRANSACTIONS, SOURCES = "items", "transactions", "sources"
BATCH_SECONDS = 30.0
"""How long a batch of transactions is waited for."""
MESSAGE = "The items are stored and wait to be read."
STILL = "The batch goes on in the background. Poll the job."


# Routes ---------------------------------------------------------------------------------------------------------------


@router.post(
    "/entities/automatic/bulk",
    status_code=202,
    operation_id="import_entity_items",
    summary="Send entities as JSON",
    responses=problems("upload") | accepted("EntityAccepted"),
    openapi_extra=body("EntityBulk", "The entities and what is said about all."),
)
async def import_entity_items(request: Request) -> Response:
    principal = await sender(request, BatchKind.ENTITIES)
    may_send_bulk(principal)
    batches = gate_of(request).batches
    text = await _text(request, batches.json_bytes_max)
    sent, options = await _items(request, EntityBulk, text, ITEMS, batches.entities_max)
    mode = IMPORT_MODES[options.import_mode]
    schema = await schema_of(request, principal, BatchKind.ENTITIES)
    plan = plans.of_entities(options, mode, None).of_items(named(sent.columns, schema, f"/{ITEMS}"))
    _refuse_lack(plan, schema, f"/{ITEMS}")
    job = (await services_of(request).imports.submit_rows(principal, plan.asked(), sent)).job
    return json_answer(accepted_shape(job, MESSAGE) | {"kind": job.kind, "importMode": mode}, 202)


@router.post(
    "/transactions/batch",
    operation_id="create_transaction_batch",
    summary="Send transactions as JSON and wait up to 30 seconds for their end",
    description="Rows that fail are left out and told; the others are written. A batch that fails as a whole is answered with its code.",
    responses=problems("batch") | done("BatchDone") | accepted("BackgroundAccepted"),
    openapi_extra=body("TransactionBatch", "The transactions and what is said about all."),
)
async def create_transaction_batch(request: Request) -> Response:
    began = time.monotonic()
    principal, job = await _batch(request)
    job = await _awaited(request, principal, job, min(BATCH_SECONDS, gate_of(request).wait_seconds_max))
    if job.status not in {Status.SUCCEEDED, Status.PARTIAL, Status.FAILED}:
        return json_answer(accepted_shape(job, STILL), 202)
    if job.failure is not None:
        raise _failed(job, job.failure)
    return json_answer(await _told(request, principal, job, time.monotonic() - began))


@router.post(
    "/transactions/batch/background",
    status_code=202,
    operation_id="create_background_batch",
    summary="Send transactions as JSON",
    responses=problems("upload") | accepted("BackgroundAccepted"),
    openapi_extra=body("TransactionBatch", "The transactions and what is said about all."),
)
async def create_background_batch(request: Request) -> Response:
    _, job = await _batch(request)
    return json_answer(accepted_shape(job, MESSAGE) | {"fileCount": 1}, 202)


@router.post(
    "/transactions/batch/background-multi",
    status_code=202,
    operation_id="create_background_batch_of_sources",
    summary="Send transactions of several sources as JSON",
    description="They become one job.",
    responses=problems("upload") | accepted("BackgroundAccepted"),
    openapi_extra=body("TransactionSources", "The transactions by source, and what is said about all."),
)
async def create_background_batch_of_sources(request: Request) -> Response:
    principal = await sender(request, BatchKind.TRANSACTIONS)
    text = await _text(request, gate_of(request).batches.sources_bytes_max)
    imports = services_of(request).imports
    outer = await imports.scanned(text, (SOURCES,))
    several = await _sources(request, outer)
    shown = [{TRANSACTIONS: list[object](), **one.members} for one in several]
    options = checked(TransactionSources, outer.members | ({SOURCES: shown} if outer.begin >= 0 else {}))
    schema = await schema_of(request, principal, BatchKind.TRANSACTIONS)
    plan = plans.of_transactions(options, None, transfer.now()).of_items(None)
    upload = await _joined(request, several, schema)
    job = (await imports.submit(principal, plan.asked(), upload)).job
    return json_answer(accepted_shape(job, MESSAGE) | {"fileCount": len(several)}, 202)


# Taking in ------------------------------------------------------------------------------------------------------------


async def _text(request: Request, limit: int) -> str:
    try:
        return await text_of(request, limit)
    except TooLarge as error:
        raise Fault(400, TOO_MANY_ITEMS, f"{error} Send the items in several requests.", {"limit": limit}) from None


async def _items(request: Request, model: type[B], text: str, member: str, most: int) -> tuple[SentRows, B]:
    """The items of a body and its other members.

    Raises:
        Fault: there are too many.
        Invalid: the body does not fit, or has none.
    """
    sent = await services_of(request).imports.scanned(text, (member,))
    refuse_unstorable(sent.members)
    options = checked(model, sent.members | ({member: list[object]()} if sent.begin >= 0 else {}))
    _refuse_number(sent, most, f"/{member}")
    return sent, options


def _refuse_number(sent: SentRows, most: int, path: str) -> None:
    if sent.count > most:
        raise too_many(most)
    if not sent.columns:
        raise wrong(path, "There are no items.")


def _refuse_lack(plan: Plan, schema: Schema, path: str) -> None:
    """Refuses items of which not one has a member that every one needs: no row of the job could pass."""
    brought = {name for _, name in plan.options.mapping or ()} | {name for name, _ in plan.options.defaults}
    needed = {one.name for one in schema.fields if one.required} | set(plan.options.required)
    lacking = [camel(name) for name in schema.names if name in needed - brought]
    if lacking:
        raise wrong(path, f"Every item needs {', '.join(lacking)}, and none has it.")


async def _batch(request: Request) -> tuple[Principal, Job]:
    """A batch of transactions whose job is made."""
    principal = await sender(request, BatchKind.TRANSACTIONS)
    batches = gate_of(request).batches
    text = await _text(request, batches.json_bytes_max)
    sent, options = await _items(request, TransactionBatch, text, TRANSACTIONS, batches.transactions_max)
    schema = await schema_of(request, principal, BatchKind.TRANSACTIONS)
    mapping = named(sent.columns, schema, f"/{TRANSACTIONS}")
    plan = plans.of_transactions(options, None, transfer.now()).of_items(mapping)
    _refuse_lack(plan, schema, f"/{TRANSACTIONS}")
    return principal, (await services_of(request).imports.submit_rows(principal, plan.asked(), sent)).job


async def _sources(request: Request, outer: SentRows) -> list[SentRows]:
    """The transactions of each source."""
    batches, several = gate_of(request).batches, list[SentRows]()
    refuse_unstorable(outer.members)
    for number, text in enumerate(outer.texts() if outer.begin >= 0 else ()):
        try:
            sent = await services_of(request).imports.scanned(text, (TRANSACTIONS,))
        except Invalid as error:
            path = f"/{SOURCES}/{number}"
            errors = tuple(Pointed(one.detail, path + one.pointer) for one in error.errors)
            raise Invalid(reason=str(error), errors=errors) from None
        refuse_unstorable(sent.members)
        checked(TransactionSource, sent.members | ({TRANSACTIONS: list[object]()} if sent.begin >= 0 else {}))
        _refuse_number(sent, batches.transactions_max, f"/{SOURCES}/{number}/{TRANSACTIONS}")
        several.append(sent)
    return several


async def _joined(request: Request, several: Sequence[SentRows], schema: Schema) -> Upload:
    """The transactions of several sources as one file.

    Raises:
        Invalid: one has a member that no transaction has.
    """
    imports, uploads = services_of(request).imports, list[Upload]()
    for number, sent in enumerate(several):
        named(sent.columns, schema, f"/{SOURCES}/{number}/{TRANSACTIONS}")
    try:
        for sent in several:
            pieces = in_thread(sent.csv(header_of(sent.columns, schema)))
            uploads.append(await imports.receive(TABLE_NAME, "text/csv", pieces))
    except BaseException:  # also when the server stops: an upload without a job is of no use
        for upload in uploads:
            await imports.discard(upload)
        raise
    return uploads[0] if len(uploads) == 1 else await imports.joined(TABLE_NAME, uploads)


# Answering ------------------------------------------------------------------------------------------------------------


async def _awaited(request: Request, principal: Principal, job: Job, seconds: float) -> Job:
    """The job at its end, or as it stands when the time is over."""
    jobs, began = services_of(request).jobs, time.monotonic()
    version, terminal = job.version, job.terminal
    while not terminal and (left := began + seconds - time.monotonic()) > 0:
        version, terminal = await jobs.wait(principal, job.id, version, left)
    request.scope["state"][WAITED_SECONDS] = time.monotonic() - began
    return await jobs.get(principal, job.id)


def _failed(job: Job, failure: JobFault) -> Fault:
    """The answer for a batch that failed as a whole: whose fault it is decides the number."""
    code = job_code(failure.code)
    return Fault(500 if code == PROCESSING_ERROR else 400, code, failure.message, {"jobId": str(job.id)})


async def _told(request: Request, principal: Principal, job: Job, seconds: float) -> dict[str, object]:
    created: list[str] = []
    failed: list[RowResult] = []
    async for rows in await services_of(request).jobs.all_results(principal, job):
        created += [row.cells.get("external_id", "") for row in rows if row.outcome == Outcome.CREATED.word]
        failed += [row for row in rows if row.outcome == Outcome.FAILED.word]
    return batch_shape(job, created, failed, seconds)
