"""What residents allow."""

from datetime import datetime

from domain.consent import Consent, ConsentPurpose, Recipient, consented
from store.pool import Connection
from store.queries import queries


async def consents_of(connection: Connection, resident_id: int) -> list[Consent]:
    """Every declaration of a resident, the withdrawn and the expired as well."""
    cursor = await connection.execute(queries("consents").of_resident, {"resident_id": resident_id})
    return [
        Consent(
            purpose=ConsentPurpose(purpose),
            recipient=Recipient(recipient),
            valid_from=valid_from,
            valid_until=valid_until,
            withdrawn_at=withdrawn_at,
        )
        for purpose, recipient, valid_from, valid_until, withdrawn_at in await cursor.fetchall()
    ]


async def allowed_since(
    connection: Connection, resident_id: int, *, purpose: ConsentPurpose, recipient: Recipient, now: datetime
) -> datetime | None:
    """From which moment on what was measured may be shown to ``recipient`` now; None if nothing may.

    What was measured before any consent that counts now began is not covered by it.
    """
    counting = [
        one.valid_from
        for one in await consents_of(connection, resident_id)
        if consented([one], purpose=purpose, recipient=recipient, moment=now)
    ]
    return min(counting, default=None)
