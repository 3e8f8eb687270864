"""Areas, pure: how many silent devices are one matter, and of which organisation."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from domain.area import Area, Silent, areas
from domain.incident import IncidentId
from domain.people import DeviceKey, HouseholdId, Mode, OrganisationId

COUNTY, TOWN, HEPING, DONGLI = (OrganisationId(n) for n in (1, 2, 3, 4))


def silent(count: int, *path: OrganisationId, homes: int | None = None, first: int = 0) -> list[Silent]:
    """So many silent devices of an organisation, in as many homes unless told otherwise."""
    return [
        Silent(
            device_key=DeviceKey(first + n),
            incident_id=IncidentId(first + n),
            mode=Mode.LIVE,
            household_id=HouseholdId(first + n % (homes or count)),
            path=path,
        )
        for n in range(count)
    ]


def found(devices: list[Silent], **watched: int) -> list[tuple[int, int]]:
    """Organisation and size of each area."""
    names = {"county": COUNTY, "town": TOWN, "heping": HEPING, "dongli": DONGLI}
    counts = {(Mode.LIVE, names[name]): count for name, count in watched.items()}
    return sorted((area.organisation_id, len(area.silent)) for area in areas(devices, counts))


def test_the_smallest_organisation_that_contains_them_is_the_area() -> None:
    """A dark village is the village's matter, not the county's."""
    devices = silent(300, COUNTY, TOWN, HEPING)
    assert found(devices, county=10_000, town=1000, heping=300) == [(HEPING, 300)]


def test_two_dark_villages_are_the_matter_of_their_town() -> None:
    """If they are most of what the town has."""
    devices = silent(100, COUNTY, TOWN, HEPING) + silent(100, COUNTY, TOWN, DONGLI, first=500)
    assert found(devices, county=10_000, town=1000, heping=300, dongli=300) == [(TOWN, 200)]


def test_two_dark_villages_in_a_large_town_are_two_areas() -> None:
    """The rest of the town is well."""
    devices = silent(30, COUNTY, TOWN, HEPING) + silent(30, COUNTY, TOWN, DONGLI, first=500)
    assert found(devices, county=100_000, town=10_000, heping=300, dongli=300) == [(HEPING, 30), (DONGLI, 30)]


def test_what_falls_silent_by_itself_all_over_a_county_is_no_area() -> None:
    """Twenty of a hundred thousand, in twenty villages."""
    devices = [one for n in range(20) for one in silent(1, COUNTY, TOWN, OrganisationId(100 + n), first=n)]
    watched = {(Mode.LIVE, COUNTY): 100_000, (Mode.LIVE, TOWN): 10_000}
    watched |= {(Mode.LIVE, OrganisationId(100 + n)): 500 for n in range(20)}
    assert areas(devices, watched) == []


def test_one_home_is_no_area_however_many_devices_it_has() -> None:
    """Five homes at least."""
    assert found(silent(40, COUNTY, TOWN, HEPING, homes=4), county=100, town=100, heping=100) == []
    assert found(silent(5, COUNTY, TOWN, HEPING), county=16, town=16, heping=16) == [(HEPING, 5)]


paths = st.sampled_from([(COUNTY,), (COUNTY, TOWN), (COUNTY, TOWN, HEPING), (COUNTY, TOWN, DONGLI)])


@given(st.lists(st.tuples(paths, st.integers(0, 20), st.sampled_from(Mode)), max_size=60), st.integers(0, 500))
def test_nobody_is_in_two_areas_and_every_area_contains_its_own(
    drawn: list[tuple[tuple[OrganisationId, ...], int, Mode]], others: int
) -> None:
    """Whoever is spoken for is spoken for by an organisation of her own, in her own mode, and once."""
    devices = [
        Silent(device_key=DeviceKey(n), incident_id=IncidentId(n), mode=mode, household_id=HouseholdId(home), path=path)
        for n, (path, home, mode) in enumerate(drawn)
    ]
    watched: Counter[tuple[Mode, OrganisationId]] = Counter()
    for one in devices:
        for organisation in one.path:
            watched[one.mode, organisation] += 1 + others
    judged: list[Area] = areas(devices, watched)
    held = [one.device_key for area in judged for one in area.silent]
    assert len(held) == len(set(held))
    for area in judged:
        assert area.homes >= 5
        assert all(area.organisation_id in one.path and area.mode is one.mode for one in area.silent)
