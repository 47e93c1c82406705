"""What a machine makes of the document: no request of its kind breaks the server, and every answer is one that is described."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from fuzzing import ALIKE, examples
from serving import OPERATIONS

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="session")
def described(api):
    return schemathesis.openapi.from_url(f"{api.url}/openapi.json")


NEVER_WRONG = {"docs", "live", "metrics", "openapi", "problem", "ready"}
RIGHT, WRONG = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
CASES = [(name, RIGHT) for name in sorted(OPERATIONS)] + [(name, WRONG) for name in sorted(OPERATIONS - NEVER_WRONG)]


@pytest.mark.parametrize(("name", "sort"), CASES)
def test_no_request_breaks_the_server(described, secret, name, sort) -> None:
    operation = described.find_operation_by_id(name)
    bearer = secret()

    @settings(
        max_examples=examples(15),
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=ALIKE,
        database=None,
    )
    @given(case=operation.as_strategy(generation_mode=sort))
    def run(case) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {bearer}"}, checks=CHECKS)

    run()
