"""A bug of ours is answered in the shape of Fifth Element, and nothing of it is shown."""

from typing import cast

import httpx2
import pytest

from rowferry.api import fifth_element
from rowferry.api.wire.caller import Gate, Limiter
from rowferry.service import Services
from rowferry.telemetry import Meters


@pytest.mark.anyio
async def test_a_bug_shows_nothing_of_itself() -> None:
    limiters = [Limiter(name, 7) for name in ("requests", "submits", "logins", "hourly")]
    gate = Gate(cast("Services", None), *limiters, 1.0, Meters())
    transport = httpx2.ASGITransport(fifth_element.build(gate), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/v1/api/jobs", headers={"Authorization": "Bearer x"})
    assert answer.status_code == 500
    assert answer.json()["data"] is None
    assert answer.json()["error"]["name"] == "ApplicationError"
    assert "NoneType" not in answer.text
    assert answer.headers["x-ratelimit-limit"] == "7"
