"""What a deployment is for, and that nothing but production ever reaches a real provider."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import httpx

from alerting.channels.twilio_account import is_loopback
from alerting.errors import RealProvider


class Deployment(StrEnum):
    """What an installation is for. All but production hold synthetic homes."""

    PRODUCTION = "production"
    DEMO = "demo"
    SIMULATION = "simulation"
    CHAOS = "chaos"
    DRILL = "drill"

    @property
    def synthetic(self) -> bool:
        """True where homes are made up, and every phone must be a stand-in."""
        return self is not Deployment.PRODUCTION


STAND_IN_HEADER: Final = "X-CareWatch-Stand-In"
"""Carried, with the value ``phone``, by every answer of the stand-in and of no real provider."""

_TIMEOUT_S: Final = 10.0


async def refuse_real_providers(deployment: Deployment, urls: Iterable[str]) -> None:
    """Raise :class:`RealProvider` unless this is production, or each of ``urls`` is a stand-in on this machine that
    says so itself. A provider that does not answer is refused too: nobody knows what it is.
    """
    if not deployment.synthetic:
        return
    async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as client:
        for url in urls:
            if not is_loopback(url):
                raise RealProvider(deployment, url, "is not an address of this machine (127.0.0.1 or ::1)")
            try:
                answer = await client.get(f"{url}/")
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise RealProvider(deployment, url, f"does not answer ({error!r})") from error
            if answer.headers.get(STAND_IN_HEADER) != "phone":
                raise RealProvider(deployment, url, f"does not say that it is a stand-in ({STAND_IN_HEADER}: phone)")
