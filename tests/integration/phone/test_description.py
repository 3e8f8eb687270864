"""Our resources beside Twilio's description of them."""

import json
from datetime import UTC, datetime

import pytest
from fixtures.phone import ACCOUNT, OFFICE, START, twilio_openapi

from simulator.phone import resources
from simulator.phone.call import Call, CallRequest, Notification
from simulator.phone.message import Message
from simulator.phone.waiting import Changes

DAUGHTER = "+441632960001"


def _resources() -> dict[str, resources.Json]:
    call = Call(sid="CA0", request=CallRequest(to=DAUGHTER, from_=OFFICE), created_at=START, changes=Changes())
    message = Message(sid="SM0", to=DAUGHTER, from_=OFFICE, body="Going?", created_at=START)
    at = datetime(2026, 8, 1, tzinfo=UTC)
    notification = Notification(sid="NO0", at=at, code=11205, text="no answer", url="http://x/", method="POST")
    return {
        "api.v2010.account.call": resources.of_call(ACCOUNT.sid, call),
        "api.v2010.account.message": resources.of_message(ACCOUNT.sid, message),
        "api.v2010.account.call.call_notification": resources.of_notification(ACCOUNT.sid, call, notification),
    }


@pytest.mark.parametrize("schema", sorted(_resources()))
def test_a_resource_has_all_the_properties_described_and_no_others(schema: str) -> None:
    described = json.loads(twilio_openapi().read_text(encoding="utf-8"))["components"]["schemas"][schema]
    assert set(_resources()[schema]) == set(described["properties"])
