"""The rules everyone starts with, and rules from files."""

import functools
from importlib import resources
from pathlib import Path

from alerting.rules.kinds import AnyRule
from alerting.rules.spec import Fault, RulesFault, read_rules


@functools.cache
def default_rules() -> tuple[AnyRule, ...]:
    """The shipped rules, from ``rules/*.yaml``. Raises :class:`alerting.rules.spec.RulesFault` if a file is wrong."""
    files = sorted(
        (file for file in resources.files("alerting").joinpath("rules").iterdir() if file.name.endswith(".yaml")),
        key=lambda file: file.name,
    )
    rules = tuple(rule for file in files for rule in read_rules(file.read_text("utf-8"), file.name))
    names = [rule.name for rule in rules]
    assert len(set(names)) == len(names), "two files have a rule of the same name"
    return rules


def rules_from(path: Path, *, timezone: str | None = None) -> tuple[AnyRule, ...]:
    """The rules in a file. Raises :class:`alerting.rules.spec.RulesFault`, also for a file that cannot be read."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fault = Fault(file=str(path), line=1, field="file", value=None, allowed=f"cannot be read: {error}")
        raise RulesFault([fault]) from error
    return read_rules(text, path.name, timezone=timezone)
