"""Rules as written: YAML text in, rules out, or every fault with file, line, field, value, and what is allowed."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import yaml

from alerting.errors import AlertingError
from alerting.rules.kinds import AnyRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with one field of a file."""

    file: str
    line: int  # counted from 1
    field: str
    value: Any
    allowed: str

    def __str__(self) -> str:
        value = "" if self.value is None else f" is {self.value!r};"
        return f"{self.file}, line {self.line}: {self.field}{value} {self.allowed}"


class RulesFault(AlertingError):
    """A file of rules is wrong; ``faults`` lists all that was found, one for each rule at most."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


_PLACE: Final = re.compile(r"^(?P<what>.*) - at `(?P<path>\$[^`]*)`$", re.DOTALL)
_STEP: Final = re.compile(r"\.([A-Za-z_]\w*)|\[(\d+|\.\.\.)\]")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(?P<name>.*)`")


def read_rules(text: str, file: str, *, timezone: str | None = None) -> tuple[AnyRule, ...]:
    """The rules in ``text``, a list of mappings. ``timezone`` is put in where a rule states none.

    Raises :class:`RulesFault`.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        written = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise RulesFault([Fault(file=file, line=line, field="YAML", value=None, allowed=str(error.problem))]) from error
    if not isinstance(node, yaml.SequenceNode):
        allowed = "a list of rules is wanted, each with name, kind and hazard"
        raise RulesFault([Fault(file=file, line=1, field="rules", value=written, allowed=allowed)])
    rules: list[AnyRule] = []
    faults: list[Fault] = []
    lines: dict[str, int] = {}
    for one, its in zip(written, node.value, strict=True):
        line = its.start_mark.line + 1
        try:
            rule = read_rule(one, timezone=timezone)
        except msgspec.ValidationError as error:
            faults.append(_fault(error, one, its, file))
            continue
        if rule.name in lines:
            allowed = f"names must be unique; line {lines[rule.name]} has it, too"
            faults.append(Fault(file=file, line=line, field="name", value=rule.name, allowed=allowed))
        lines[rule.name] = line
        rules.append(rule)
    if faults:
        raise RulesFault(faults)
    return tuple(rules)


def read_rule(written: Any, *, timezone: str | None = None) -> AnyRule:
    """The rule that a mapping writes down. Raises :class:`msgspec.ValidationError`."""
    if timezone is not None and isinstance(written, Mapping):
        written = {"timezone": timezone, **written}
    rule: AnyRule = msgspec.convert(written, AnyRule)
    return rule


def write_rule(rule: AnyRule) -> dict[str, Any]:
    """The mapping that writes ``rule`` down, every field stated: the inverse of :func:`read_rule`."""
    written: dict[str, Any] = msgspec.to_builtins(rule)
    return written


def _fault(error: msgspec.ValidationError, written: Any, node: yaml.Node, file: str) -> Fault:
    """Where in the file the error lies, and what would have been right."""
    text = str(error)
    match = _PLACE.match(text)
    what, path = (match["what"], match["path"]) if match is not None else (text, "$")
    steps = [int(index) if index.isdigit() else name or index for name, index in _STEP.findall(path)]
    unknown = _UNKNOWN.match(what)
    if unknown is not None:
        steps.append(unknown["name"])
        what = "no such field"
    value, found = _descend(written, node, steps, key=unknown is not None)
    field = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")
    name = written.get("name", "?") if isinstance(written, Mapping) else "?"
    allowed = f"{what}{_allowed(written, steps, what)}"
    return Fault(
        file=file,
        line=found.start_mark.line + 1,
        field=f"rule {name}, {field}" if field else f"rule {name}",
        value=None if isinstance(value, dict | list) else value,
        allowed=allowed,
    )


def _descend(written: Any, node: yaml.Node, steps: list[int | str], *, key: bool) -> tuple[Any, yaml.Node]:
    """The value at the end of ``steps`` and its node (or that of its key); as far as they exist."""
    for place, step in enumerate(steps):
        if isinstance(node, yaml.MappingNode):
            pair = next(((k, v) for k, v in node.value if k.value == step), None)
            if pair is None:
                return None, node
            written = written.get(step) if isinstance(written, Mapping) else None
            node = pair[0] if key and place == len(steps) - 1 else pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            written, node = written[step], node.value[step]
        else:
            break
    return written, node


def _allowed(written: Any, steps: list[int | str], what: str) -> str:
    """Names to choose from: the fields of the kind, or the members of a closed set."""
    kinds = {kind.tag: kind for kind in _structs()}
    if "Invalid value" in what and steps[-1:] == ["kind"]:
        return f"; allowed: {', '.join(sorted(str(tag) for tag in kinds))}"
    kind = kinds.get(written.get("kind")) if isinstance(written, Mapping) else None
    if kind is None:
        return ""
    here: msgspec.inspect.Type = kind
    *way, last = steps or [""]
    for step in way:
        here = _inside(here, step)
    if what == "no such field" and isinstance(here, msgspec.inspect.StructType):
        names = sorted(field.encode_name for field in here.fields)
        return f"; allowed: {', '.join(['kind', *names] if here is kind else names)}"
    choices = _choices(_inside(here, last))
    return f"; allowed: {', '.join(choices)}" if choices else ""


def _structs() -> Iterator[msgspec.inspect.StructType]:
    union = msgspec.inspect.type_info(AnyRule)
    assert isinstance(union, msgspec.inspect.UnionType)
    for one in union.types:
        if isinstance(one, msgspec.inspect.StructType):
            yield one


def _inside(here: msgspec.inspect.Type, step: int | str) -> msgspec.inspect.Type:
    if isinstance(here, msgspec.inspect.UnionType):
        stated = [one for one in here.types if not isinstance(one, msgspec.inspect.NoneType)]
        here = stated[0]
    if isinstance(here, msgspec.inspect.StructType):
        return next((field.type for field in here.fields if field.encode_name == step), here)
    if isinstance(here, msgspec.inspect.VarTupleType | msgspec.inspect.ListType):
        return here.item_type
    return here


def _choices(here: msgspec.inspect.Type) -> list[str]:
    if isinstance(here, msgspec.inspect.UnionType):
        return [choice for one in here.types for choice in _choices(one)]
    if isinstance(here, msgspec.inspect.EnumType):
        return [str(member.value) for member in here.cls]
    if isinstance(here, msgspec.inspect.LiteralType):
        return [str(value) for value in here.values]
    return []
