"""How long the phone network and a voice take, in care time."""

from dataclasses import dataclass
from datetime import timedelta

# An assumption about synthesised speech, on the slow side: 240 Chinese characters, or 150 English words, a minute.
_CHARACTERS_PER_S = {"zh": 4.0}
_LETTERS_PER_S = 14.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Delays of the network, in seconds of care time. The defaults resemble the real one."""

    dial_s: float = 1.0
    """From a call's creation to its ringing."""
    calls_per_s: float | None = None
    """Calls are dialled at most at this rate and wait as queued meanwhile; None is no limit. Twilio's default is 1."""
    detection_s: float = 2.5
    """From answering to the verdict of machine detection. Source: Twilio's answering machine detection guide."""
    pace: float = 1.0
    """1 speaks at human speed, 0 says everything in no time."""
    sms_queue_s: float = 0.3
    """From a message's creation to its hand-over to the carrier."""
    sms_transit_s: float = 2.0
    """From there to the phone."""

    def speaking(self, text: str, language: str) -> timedelta:
        """How long a voice needs to say ``text``; ``language`` is a BCP 47 tag."""
        rate = _CHARACTERS_PER_S.get(language.partition("-")[0].lower(), _LETTERS_PER_S)
        return timedelta(seconds=len(text) / rate * self.pace)


INSTANT = Timing(dial_s=0, detection_s=0, pace=0, sms_queue_s=0, sms_transit_s=0)
"""A network without delays, for stories in which only people and the platform take time."""
