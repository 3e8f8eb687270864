"""Words of pages: English in the code, other languages in ``locale/<language>/LC_MESSAGES/pages.po`` (gettext).

``make catalogues`` gathers what is to be translated and compiles what has been. Messages and speech have catalogues of
their own (``alerting/messages``).
"""

import functools
import gettext
from collections.abc import Mapping
from enum import StrEnum
from importlib import resources
from typing import Final

from devices.model import DeviceKind, Hazard
from domain.area import HomeState
from domain.incident import IncidentState, Outcome
from domain.notification import AnswerKind, Failure, NotificationState, Purpose, Via
from domain.people import ChannelName, Circle, Language, OrganisationKind, ResidentCategory, ResidentState
from domain.permissions import Role

DOMAIN: Final = "pages"


def noted(message: str) -> str:
    """Mark ``message`` for the catalogues without translating it here."""
    return message


class Words:
    """Text in one language: ``say("Good evening, {name}", name=...)``."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._catalogue = _catalogue(language)

    def __call__(self, message: str, /, **fields: object) -> str:
        """``message`` in this language, its fields filled in. What no catalogue knows is said in English."""
        said = self._catalogue.gettext(message) if message else ""
        return said.format(**fields) if fields else said

    def of(self, member: StrEnum) -> str:
        """The word for a member of a closed set, such as a hazard or an outcome."""
        return self(LABELS[type(member)][member.value])


@functools.cache
def _catalogue(language: Language) -> gettext.NullTranslations:
    file = resources.files("api").joinpath("locale", language.value.replace("-", "_"), "LC_MESSAGES", f"{DOMAIN}.mo")
    if not file.is_file():
        return gettext.NullTranslations()
    with file.open("rb") as opened:
        return gettext.GNUTranslations(opened)


LABELS: Final[Mapping[type[StrEnum], Mapping[str, str]]] = {
    Hazard: {
        "sos": noted("SOS"),
        "fall": noted("Fall"),
        "smoke": noted("Smoke"),
        "heat": noted("Heat"),
        "gas": noted("Gas"),
        "co": noted("Carbon monoxide"),
        "water": noted("Water leak"),
        "intrusion": noted("Intrusion"),
        "inactivity": noted("Inactivity"),
        "wander": noted("May be lost"),
        "vitals": noted("Vital signs"),
        "tamper": noted("Tampering"),
        "device_offline": noted("Device offline"),
        "low_battery": noted("Low battery"),
        "area_outage": noted("Area outage"),
        "unclear": noted("Unclear alarm"),
        "nobody_reached": noted("Nobody reached"),
        "platform": noted("Platform fault"),
    },
    HomeState: {
        "not_asked": noted("Not asked"),
        "called": noted("Called"),
        "answered": noted("Answered"),
        "visited": noted("Visited"),
        "fine": noted("All is well"),
        "needs_help": noted("Needs help"),
    },
    IncidentState: {
        "open": noted("Open"),
        "acknowledged": noted("Acknowledged"),
        "on_scene": noted("On scene"),
        "resolved": noted("Resolved"),
    },
    Outcome: {
        "emergency": noted("Emergency"),
        "assistance": noted("Assistance"),
        "false_alarm": noted("False alarm"),
        "test": noted("Test"),
        "technical": noted("Technical"),
        "cannot_confirm": noted("Cannot confirm"),
        "recovered": noted("Recovered"),
    },
    Circle: {
        "resident": noted("Resident"),
        "children": noted("Children"),
        "kin_neighbours": noted("Kin and neighbours"),
        "grid_workers": noted("Grid workers"),
        "village_cadres": noted("Village cadres"),
        "care_service": noted("Care service"),
        "duty_desk": noted("Duty desk"),
    },
    ChannelName: {
        "voice": noted("call"),
        "sms": noted("SMS"),
        "webhook": noted("push"),
        "console": noted("console"),
    },
    Via: {
        "voice": noted("call"),
        "sms": noted("SMS"),
        "link": noted("link"),
        "console": noted("console"),
        "api": noted("interface"),
    },
    NotificationState: {
        "pending": noted("Waiting"),
        "sending": noted("Going out"),
        "sent": noted("Sent"),
        "delivered": noted("Delivered"),
        "failed": noted("Failed"),
        "cancelled": noted("Cancelled"),
    },
    Failure: {
        "no_answer": noted("no answer"),
        "busy": noted("busy"),
        "voicemail": noted("voicemail"),
        "no_key": noted("no key pressed"),
        "refused_by_provider": noted("refused by the provider"),
        "undelivered": noted("not delivered"),
        "no_receipt": noted("no receipt"),
        "cancelled_by_us": noted("cancelled"),
    },
    Purpose: {
        "ask": noted("asked to go"),
        "ask_again": noted("asked again"),
        "remind": noted("reminded"),
        "check_well": noted("asked whether she is well"),
        "inform": noted("informed"),
        "connect": noted("to be connected"),
    },
    AnswerKind: {
        "accept": noted("Going"),
        "decline": noted("Cannot go"),
        "arrive": noted("Arrived"),
        "close": noted("Said how it ended"),
        "take": noted("Taken"),
        "well": noted("Says she is well"),
    },
    OrganisationKind: {
        "city": noted("City"),
        "county": noted("County"),
        "town": noted("Town"),
        "community": noted("Community"),
        "grid": noted("Grid"),
    },
    ResidentState: {
        "home": noted("At home"),
        "away": noted("Away"),
        "hospital": noted("In hospital"),
        "moved": noted("Moved"),
        "deceased": noted("Deceased"),
    },
    ResidentCategory: {
        "living_alone": noted("Living alone"),
        "empty_nest": noted("Empty nest"),
        "left_behind": noted("Left behind"),
        "disabled": noted("Disabled"),
        "dementia": noted("With dementia"),
        "lost_only_child": noted("Lost only child"),
        "three_withouts": noted("Three withouts"),
        "five_guarantees": noted("Five guarantees"),
    },
    DeviceKind: {
        "call_button": noted("One-key call button"),
        "emergency_caller": noted("Emergency caller"),
        "wristband": noted("Locating wristband"),
        "phone": noted("Positioning phone"),
        "smoke_alarm": noted("Smoke alarm"),
        "heat_alarm": noted("Heat alarm"),
        "gas_alarm": noted("Gas alarm"),
        "co_alarm": noted("CO alarm"),
        "infrared_sensor": noted("Infrared sensor"),
        "door_sensor": noted("Door sensor"),
        "leak_sensor": noted("Leak sensor"),
        "health_band": noted("Health band"),
        "gateway": noted("Gateway"),
    },
    Role: {
        "operator": noted("Operator"),
        "supervisor": noted("Supervisor"),
        "administrator": noted("Administrator"),
        "auditor": noted("Auditor"),
        "system": noted("Platform"),
    },
}
"""How members of closed sets are called in English; a test holds that none is missing."""
