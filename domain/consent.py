"""Consent: for which purpose, to whom, from when until when."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ConsentPurpose(StrEnum):
    """What a resident (or her guardian) allows."""

    LOCATION = "location"  # where she is and was
    HEALTH = "health"  # vital signs
    OVERSEAS = "overseas"  # name and address to a provider abroad


class Recipient(StrEnum):
    """To whom."""

    RESPONDERS = "responders"  # who has accepted to come
    DUTY_DESK = "duty_desk"
    INTEGRATORS = "integrators"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One declaration, valid from ``valid_from`` until ``valid_until`` or until it is withdrawn."""

    purpose: ConsentPurpose
    recipient: Recipient
    valid_from: datetime
    valid_until: datetime | None = None
    withdrawn_at: datetime | None = None


def consented(consents: Iterable[Consent], *, purpose: ConsentPurpose, recipient: Recipient, moment: datetime) -> bool:
    """True if one of ``consents`` covers purpose, recipient and moment. A withdrawal counts at once."""
    return any(
        consent.purpose is purpose
        and consent.recipient is recipient
        and consent.valid_from <= moment
        and (consent.valid_until is None or moment < consent.valid_until)
        and (consent.withdrawn_at is None or moment < consent.withdrawn_at)
        for consent in consents
    )
