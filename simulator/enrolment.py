"""A simulated village as the records of the REST interface, in an order in which references exist."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from simulator.fleet.catalogue import MODELS
from simulator.fleet.outfit import CELL, Outfit
from simulator.lives.geography import outline
from simulator.responders import COUNTY, TOWN, VILLAGE, Responder


class Record(NamedTuple):
    """One PUT below ``/api/v1``; ``rank``: those of one rank do not depend on each other."""

    rank: int
    path: str
    body: Any


def records(outfits: Sequence[Outfit], responders: Sequence[Responder], *, desk_may_see: bool = False) -> list[Record]:
    """Everything that has to be enrolled; by rank. ``desk_may_see``: residents consent that the duty desk sees where
    they are and what their bands measure.
    """
    found = [*_organisations(outfits), *_models(), *_people(responders)]
    found += [*_homes(outfits), *_circles(outfits, responders)]
    found += _consents(outfits) if desk_may_see else []
    return sorted(found, key=lambda record: record.rank)


def retirements(enrolled: Sequence[Record]) -> list[Record]:
    """What can be retired again, the last enrolled first; the county stays, for the key is its own."""
    kept = ("/circles", "/device-models/", f"/organisations/{COUNTY}")
    return [one for one in reversed(enrolled) if not any(part in one.path for part in kept)]


def county() -> dict[str, Any]:
    """The organisation at the top, beneath which everything else is enrolled."""
    return {"code": COUNTY, "kind": "county", "name": "模拟县", "parent": None, "cell": None}


def _organisations(outfits: Sequence[Outfit]) -> Iterator[Record]:
    places = [outfit.home.place for outfit in outfits]
    town = {"code": TOWN, "kind": "town", "name": "模拟镇", "parent": COUNTY, "cell": CELL}
    village = {"code": VILLAGE, "kind": "community", "name": "和平村", "parent": TOWN, "cell": None}
    for rank, (body, margin_m) in enumerate(((county(), 2500.0), (town, 900.0), (village, 120.0))):
        if places:
            around = [[place.lon, place.lat] for place in outline(places, margin_m)]
            body["boundary"] = {"type": "Polygon", "coordinates": [around]}
        yield Record(rank, f"/organisations/{body['code']}", body)


def _models() -> Iterator[Record]:
    for model in MODELS.values():
        body = {
            "model": model.name,
            "kind": model.kind.value,
            "protocol": model.protocol.value,
            "silent_after_s": model.silent_after_s,
        }
        yield Record(3, f"/device-models/{model.name}", body)


def _people(responders: Sequence[Responder]) -> Iterator[Record]:
    for one in responders:
        contacts = [{"channel": channel, "address": one.person.number, "rank": rank} for rank, channel in _CHANNELS]
        body = {"code": one.code, "organisation": one.organisation, "name": one.name, "contacts": contacts}
        yield Record(3, f"/responders/{one.code}", body)


_CHANNELS = ((0, "voice"), (1, "sms"))


def _homes(outfits: Sequence[Outfit]) -> Iterator[Record]:
    for outfit in outfits:
        home = outfit.home
        yield Record(
            3,
            f"/households/{home.code}",
            {
                "code": home.code,
                "organisation": VILLAGE,
                "community": "和平村",
                "address": f"{home.street + 1}组{home.number}号",
                "access_notes": "钥匙在近邻家",
                "lat": home.place.lat,
                "lon": home.place.lon,
            },
        )
        for resident in home.residents:
            resident_body: dict[str, Any] = {
                "code": resident.code,
                "household": home.code,
                "surname": resident.surname,
                "given_name": resident.given_name,
                "sex": "female" if resident.female else "male",
                "born_on": resident.born_on.isoformat(),
                "categories": list(resident.categories),
            }
            yield Record(4, f"/residents/{resident.code}", resident_body)
        for device in outfit.devices:
            device_body: dict[str, Any] = {
                "device_id": device.device_id,
                "cell": CELL,
                "model": device.model.name,
                "address": device.address,
                "household": home.code,
                "resident": device.resident,
                "room": device.room.value,
            }
            yield Record(5, f"/devices/{device.device_id}", device_body)


def _consents(outfits: Sequence[Outfit]) -> Iterator[Record]:
    for outfit in outfits:
        for resident in outfit.home.residents:
            body = [
                {
                    "resident": resident.code,
                    "purpose": purpose,
                    "recipient": "duty_desk",
                    "given_by": "resident",
                    "valid_from": "2020-01-01T00:00:00Z",
                }
                for purpose in ("location", "health")
            ]
            yield Record(5, f"/residents/{resident.code}/consents", body)


def _circles(outfits: Sequence[Outfit], responders: Sequence[Responder]) -> Iterator[Record]:
    for outfit in outfits:
        code = outfit.home.code
        members = [one for one in responders if one.home == code]
        yield Record(4, f"/households/{code}/circles", [_member(one, rank) for rank, one in enumerate(members)])
    for organisation in (VILLAGE, TOWN, COUNTY):
        members = [one for one in responders if one.home is None and one.organisation == organisation]
        yield Record(
            4, f"/organisations/{organisation}/circles", [_member(one, rank) for rank, one in enumerate(members)]
        )


def _member(one: Responder, rank: int) -> dict[str, Any]:
    of = {"household": one.home} if one.home else {"organisation": one.organisation}
    return {**of, "circle": one.circle, "responder": one.code, "rank": rank, "relation": one.relation}
