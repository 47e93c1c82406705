"""One example of each answer and body of gu1; its OpenAPI document shows them, and a test holds them to their schemas."""

from collections.abc import Mapping

JOB_ID = "550e8400-e29b-41d4-a716-446655440000"
MAPPING_ID = "01998f6e-8b6c-7c11-9a55-0f6f5d1c2a02"

Shape = Mapping[str, object]

JOB: Shape = {
    "jobId": JOB_ID,
    "kind": "entity_automatic",
    "status": "running",
    "totalItems": 100,
    "succeeded": 45,
    "failed": 2,
    "skipped": 1,
    "heartbeatAt": "2026-06-26T12:00:00.000Z",
    "leaseExpiresAt": "2026-06-26T12:10:00.000Z",
    "workerError": None,
    "createdAt": "2026-06-26T11:59:00.000Z",
    "completedAt": None,
    "metadata": {"fileName": "entities.csv", "importMode": "manual", "skippedExisting": 1},
}
COUNTS: Shape = {"totalItems": 20, "succeeded": 17, "failed": 1, "skipped": 1}
WHY: Shape = {"code": "VALIDATION_ERROR", "message": "amount: abc is no number."}


def _failures(kind: str, failure: Shape, more: Shape) -> Shape:
    head = {"success": True, "jobId": JOB_ID, "kind": kind, "status": "completed", **COUNTS}
    return {**head, "failures": [failure], "truncated": False, "failuresTotal": 1, **more}


def _accepted(more: Shape) -> Shape:
    return {"success": True, "jobId": JOB_ID, "status": "queued", "message": "The file is stored.", **more}


MAPPING: Shape = {
    "name": "People",
    "target": "entity_person",
    "columnMapping": {"Tax number": "taxId", "Full name": {"path": "suggestedName", "transform": "trim"}},
    "defaultFields": {"countryCode": "AR"},
    "headersSnapshot": ["Tax number", "Full name"],
}
TRANSACTION: Shape = {"externalId": "tx-1", "type": "PAYMENT", "amount": 1250.75, "currency": "USD"}
SKIP: Shape = {
    "taxId": "20-12345678-3",
    "type": "person",
    "outcome": "skipped_existing",
    "code": "SKIPPED_DUPLICATE_TAX_ID",
}
BY_SCHEMA: Mapping[str, Shape] = {
    "StatusAnswer": {"success": True, "job": JOB},
    "EntityFailures": _failures(
        "entity_automatic",
        {"taxId": "30-71234567-1", "type": "company", "outcome": "failed", **WHY},
        {"skips": [SKIP], "skipsTotal": 1},
    ),
    "TransactionFailures": _failures("transaction_batch", {"externalId": "tx-1", **WHY}, {}),
    "EventFailures": _failures("user_event_batch", {"rowKey": "row_5", **WHY}, {}),
    "BatchAccepted": _accepted({"kind": "transaction_batch"}),
    "EntityAccepted": _accepted({"kind": "entity_automatic", "importMode": "manual"}),
    "BackgroundAccepted": _accepted({"fileCount": 1}),
    "BatchDone": {
        "success": True,
        "created": 1,
        "skipped": 0,
        "failed": 1,
        "transactions": [{"externalId": "tx-1"}],
        "errors": [{"externalId": "tx-2", **WHY}],
        "processingTime": "0.412s",
        "summary": {"total": 2, "created": 1, "skipped": 0, "failed": 1, "notAttempted": 0},
    },
    "MappingAnswer": {"mapping": {"id": MAPPING_ID, **MAPPING}},
    "MappingList": {"mappings": [{"id": MAPPING_ID, **MAPPING}]},
    "Deleted": {"ok": True},
    "HistoryAnswer": {
        "success": True,
        "jobs": [JOB],
        "pagination": {"total": 1, "limit": 50, "offset": 0, "hasMore": False, "totalCapped": False},
    },
    "ErrorAnswer": {"success": False, "error": {"code": "NOT_FOUND", "message": "There is no such job here."}},
    "EntityBulk": {
        "items": [{"taxId": "20-12345678-3", "type": "person", "suggestedName": "Ana García"}],
        "country": "AR",
    },
    "TransactionBatch": {"transactions": [TRANSACTION], "validateExistingEntity": False},
    "TransactionSources": {"sources": [{"transactions": [TRANSACTION], "fileName": "june"}]},
    "ControlBody": {"kind": "entity_automatic", "action": "cancel"},
    "MappingBody": MAPPING,
    "MappingPatch": {"name": "People of Argentina"},
}
