"""The town on paper: its homes, the people around them and their devices, the same for the same seed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Self

from devices.model import DeviceKind
from simulator.fleet.outfit import Device, Outfit, Shares, equip
from simulator.lives.people import Life
from simulator.lives.village import settle
from simulator.phone.people import Answers
from simulator.responders import Responder, recruit
from simulator.scenario import Responders

_MIX: Final = {Life.LIVING_ALONE: 0.6, Life.FRAIL: 0.2, Life.COUPLE: 0.15, Life.DEMENTIA: 0.05}
_SHARES: Final = Shares(wrong_clock=0)
_QUICK_S: Final = 3.5
"""People here carry their phone in the hand: whoever looks on does not want to wait."""
_TEMPERS: Final = (
    Responders(share=0.64, does="accepts", median_s=_QUICK_S),
    Responders(share=0.08, does="declines", median_s=_QUICK_S),
    Responders(share=0.06, does="hangs_up", median_s=_QUICK_S),
    Responders(share=0.06, does="lets_it_ring"),
    Responders(share=0.06, does="busy", median_s=1.0),
    Responders(share=0.06, does="voicemail", median_s=8.0),
    Responders(share=0.04, does="unreachable"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """Homes with their devices, and everybody who may be called."""

    seed: int
    outfits: tuple[Outfit, ...]
    responders: tuple[Responder, ...]

    @classmethod
    def drawn(cls, seed: int, homes: int) -> Self:
        """The town of ``seed``."""
        settled = settle(seed, homes, _MIX)
        return cls(
            seed=seed,
            outfits=tuple(_awake(equip(home, seed, _SHARES)) for home in settled),
            responders=tuple(recruit(settled, _TEMPERS, seed, ())),
        )

    def devices(self) -> Iterator[tuple[Device, Outfit]]:
        """Every device, with the outfit of its home."""
        for outfit in self.outfits:
            for device in outfit.devices:
                yield device, outfit

    def comes_at_once(self, outfit: Outfit) -> bool:
        """True if the first who is called for this home accepts."""
        circle = [one for one in self.responders if one.home == outfit.home.code]
        return bool(circle) and isinstance(circle[0].person.temper, Answers) and circle[0].person.temper.keys == ("1",)

    def who(self, code: str | None) -> str:
        """How a story names whoever lives in the home of this code."""
        for outfit in self.outfits:
            if outfit.home.code == code:
                resident = outfit.home.residents[0]
                return f"{'Mrs' if resident.female else 'Mr'} {resident.surname}{resident.given_name}"
        return "nobody's home"


def _awake(outfit: Outfit) -> Outfit:
    """Its buttons stay awake, so that whoever pressed one is told that help is coming."""
    return replace(
        outfit,
        devices=tuple(
            replace(device, model=replace(device.model, sleeps=False))
            if device.model.kind is DeviceKind.CALL_BUTTON
            else device
            for device in outfit.devices
        ),
    )
