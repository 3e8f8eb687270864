"""`carewatch incidents`: what is going on, and everything that happened in one incident."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.table import Table

from carewatch.commands.connecting import with_database
from carewatch.commands.shared import stderr, stdout
from devices.model import Hazard
from domain.incident import IncidentState
from store import incident_views
from store.incident_views import IncidentFilter, IncidentView
from store.pool import Database
from store.timeline import Entry, entries

app = typer.Typer(help="What is going on, and everything that happened in one incident.", invoke_without_command=True)

AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
_STYLES: Final = {1: "bold red", 2: "red", 3: "yellow", 4: "cyan", 5: "dim"}


@app.callback()
def listed(
    context: typer.Context,
    state: Annotated[list[IncidentState] | None, typer.Option(help="Only those in this state.")] = None,
    hazard: Annotated[list[Hazard] | None, typer.Option(help="Only those of this hazard.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List incidents, the newest first; `show ID` tells one from beginning to end."""
    if context.invoked_subcommand is not None:
        return
    wanted = IncidentFilter(
        states=[one.value for one in state] if state else None,
        hazards=[one.value for one in hazard] if hazard else None,
    )

    async def work(database: Database, now: datetime) -> tuple[datetime, list[IncidentView]]:
        async with database.transaction() as connection:
            return now, await incident_views.list_incidents(connection, None, wanted, limit=limit)

    now, found = with_database(context, "incidents", work)
    if as_json:
        _print_json([asdict(one) for one in found])
    elif found:
        stdout.print(_list(found, now))
    else:
        stdout.print("no incidents")


@app.command()
def show(
    context: typer.Context,
    incident: Annotated[int, typer.Argument(help="Its id in the list.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Tell one incident from beginning to end."""

    async def work(database: Database, _now: datetime) -> tuple[IncidentView, list[Entry], dict[int, str]] | None:
        async with database.transaction() as connection:
            found = await incident_views.one_incident(connection, None, incident)
            if found is None:
                return None
            names = await incident_views.responders(connection, found)
            return found, await entries(connection, found.id), names

    told = with_database(context, "incidents", work)
    if told is None:
        stderr.print(f"there is no incident {incident}", style="red")
        raise typer.Exit(1)
    found, timeline, names = told
    if as_json:
        _print_json({**asdict(found), "timeline": [asdict(one) for one in timeline]})
    else:
        stdout.print(_story(found, timeline, names))


def _list(found: list[IncidentView], now: datetime) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("id", "opened", "age", "hazard", "state", "outcome", "community", "home", "resident", "alarms"):
        table.add_column(name, justify="right" if name in ("id", "age", "alarms") else "left")
    for one in found:
        age = _span(((one.resolved_at or now) - one.opened_at).total_seconds())
        opened = f"{one.opened_at.astimezone():%m-%d %H:%M:%S}"
        where = (one.community or one.organisation, one.household or "", one.resident or "")
        what = (one.hazard, one.state, one.outcome or "")
        cells = (str(one.id), opened, age, *what, *where, str(one.alarms))
        table.add_row(*cells, style=None if one.state == IncidentState.RESOLVED else _STYLES[one.severity])
    return table


def _story(found: IncidentView, timeline: list[Entry], names: Mapping[int, str]) -> Table:
    where = ", ".join(part for part in (found.community, found.household, found.resident) if part) or found.organisation
    title = f"incident {found.id} (#{found.number}): {found.hazard}, severity {found.severity}, {found.state}, {where}"
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="bold")
    for name in ("at", "after", "what", "why", "who", "detail"):
        table.add_column(name, justify="right" if name == "after" else "left")
    for entry in timeline:
        after = _span((entry.at - found.opened_at).total_seconds())
        at = f"{entry.at.astimezone():%H:%M:%S}.{entry.at.microsecond // 1000:03}"
        kind = entry.kind.replace("_", " ")
        reason = entry.reason.replace("_", " ")
        table.add_row(at, after, kind, reason, _who(entry, names), _detail(entry.detail))
    return table


def _who(entry: Entry, names: Mapping[int, str]) -> str:
    """The person whom an entry is about, or who acted; nothing for the system itself."""
    about = entry.detail.get("responder")
    if isinstance(about, int) and about in names:
        return names[about]
    return "" if entry.actor == "system" else entry.actor


def _detail(detail: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in detail.items() if name != "responder" and value is not None)


def _span(seconds: float) -> str:
    if abs(seconds) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _print_json(value: object) -> None:
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))
