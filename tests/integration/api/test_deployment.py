"""What an installation is for, its care time, and where its phones are: for whoever would simulate on it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fixtures.web import Web

from alerting.channels.twilio_account import TwilioConfig
from alerting.deployment import Deployment
from api.app import build_app
from store.pool import set_care_clock

STAND_IN = "http://127.0.0.1:8090"
TWILIO = TwilioConfig.model_validate(
    {
        "account_sid": f"AC{'0' * 32}",
        "auth_token": "a-token-of-a-test",
        "voice_number": "+8614299999999",
        "base_url": STAND_IN,
        "public_url": "http://127.0.0.1:8080",
    }
)


async def _said(web: Web, deployment: Deployment) -> Mapping[str, Any]:
    config = web.services.config.model_copy(update={"deployment": deployment, "twilio": TWILIO})
    app = build_app(replace(web.services, config=config))
    headers = {"Authorization": f"Bearer {await web.key()}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test", headers=headers) as client:
        answer = await client.get("/api/v1/deployment")
    assert answer.status_code == 200
    said: Mapping[str, Any] = answer.json()
    return said


@pytest.mark.parametrize(
    ("deployment", "phone"),
    [(Deployment.PRODUCTION, None), (Deployment.SIMULATION, STAND_IN), (Deployment.DEMO, STAND_IN)],
)
async def test_a_made_up_deployment_says_where_its_stand_in_is_and_production_nothing(
    web: Web, deployment: Deployment, phone: str | None
) -> None:
    """The address of a real provider is nobody's business."""
    said = await _said(web, deployment)
    assert (said["deployment"], said["phone"], said["care_speed"]) == (deployment.value, phone, 1.0)


async def test_care_time_is_told_with_its_speed(web: Web) -> None:
    async with web.services.database.transaction() as connection:
        await set_care_clock(connection, moment=web.clock.now(), speed=120)
    said = await _said(web, Deployment.SIMULATION)
    assert said["care_speed"] == 120
    assert said["at"][:10] == web.clock.now().isoformat()[:10]
