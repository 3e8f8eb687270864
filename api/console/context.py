"""What every page of the console is given."""

from dataclasses import dataclass, field
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from api.console.feed import Feed
from api.console.settings import ConsoleConfig
from api.palette import SEVERITY_COLOURS
from api.words import Words
from domain.clock import Clock
from domain.people import Circle
from store.pool import Database

_templates: Final = Environment(
    loader=PackageLoader("api.console"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals["circle_word"] = lambda say, circle: say.of(Circle(circle))

STYLE: Final = "".join(
    f".severity-{severity}{{--surface-of-severity:{colour.surface};--text-of-severity:{colour.text}}}"
    for severity, colour in SEVERITY_COLOURS.items()
)
"""The severities as variables for the style sheet."""


def rendered(template: str, say: Words, **shown: Any) -> str:
    """``templates/<template>`` filled in; every value is escaped."""
    return _templates.get_template(template).render(say=say, **shown)


AlertKey = tuple[int, int, int, int]
"""An alarm that has to be heard: incident, alarms so far, severity, round."""


@dataclass(frozen=True, slots=True)
class Console:
    """Passed to every page. ``heard``: for each session, the alarms whose sound its operator has acknowledged."""

    database: Database
    clock: Clock
    config: ConsoleConfig
    feed: Feed
    heard: dict[bytes, set[AlertKey]] = field(default_factory=dict)
