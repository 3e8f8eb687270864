"""TwiML: what the platform tells the network to do with a call or a text. Pure.

Source: Twilio, "TwiML for Programmable Voice" and "TwiML for Programmable Messaging".
"""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from simulator.errors import NotTwiml

# Twilio's codes. Source: Twilio error dictionary.
_PARSE_FAILURE = 12100


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Speak ``text``; ``language`` is a BCP 47 tag."""

    text: str
    language: str = "en-US"
    loop: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """Play the sound at ``url``."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Be silent."""

    length_s: int = 1


Prompt = Say | Play | Pause


@dataclass(frozen=True, slots=True, kw_only=True)
class Gather:
    """Ask for keys. An ``action`` of "" is the current document's URL."""

    prompt: tuple[Prompt, ...] = ()
    action: str = ""
    method: str = "POST"
    timeout_s: int = 5
    num_digits: int | None = None
    finish_on_key: str = "#"
    action_on_empty_result: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """Go on with the document at ``url``."""

    url: str
    method: str = "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hangup:
    """End the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """Connect the call to the first of ``numbers`` who answers; ``action`` "" goes on with the next verb."""

    numbers: tuple[str, ...]
    action: str = ""
    method: str = "POST"
    timeout_s: int = 30
    caller_id: str = ""
    time_limit_s: int = 14400


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Send a text; ``to`` "" is whoever wrote."""

    body: str
    to: str = ""


Verb = Say | Play | Pause | Gather | Redirect | Hangup | Dial | Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The verbs of one document in order, and what in it this stand-in does not know."""

    verbs: tuple[Verb, ...]
    oddities: tuple[str, ...] = ()


def parse(text: str) -> Document:
    """Read a TwiML document; raises NotTwiml (12100) if it is not XML with a Response root.

    A verb, noun or attribute unknown here is left out and named in ``oddities``: either the platform is wrong, or
    this stand-in has to learn it.
    """
    try:
        root = ET.fromstring(text)  # noqa: S314 - the document comes from the platform under test
    except ET.ParseError as error:
        raise NotTwiml(_PARSE_FAILURE, f"document parse failure: {error}") from error
    if root.tag != "Response":
        raise NotTwiml(_PARSE_FAILURE, f"the root is {root.tag}, not Response")
    reader = _Reader()
    verbs = tuple(verb for child in root if (verb := reader.verb(child)) is not None)
    return Document(verbs=verbs, oddities=tuple(reader.oddities))


@dataclass(slots=True)
class _Reader:
    oddities: list[str] = field(default_factory=list)

    def verb(self, element: ET.Element) -> Verb | None:
        read = _VERBS.get(element.tag)
        if read is None:
            self.oddities.append(f"unknown verb <{element.tag}>")
            return None
        return read(self, element)

    def prompt(self, element: ET.Element) -> tuple[Prompt, ...]:
        found: list[Prompt] = []
        for child in element:
            verb = self.verb(child) if child.tag in _PROMPTS else None
            if isinstance(verb, (Say, Play, Pause)):
                found.append(verb)
            else:
                self.oddities.append(f"<{child.tag}> does not belong in <{element.tag}>")
        return tuple(found)

    def attributes(self, element: ET.Element, known: frozenset[str]) -> Mapping[str, str]:
        self.oddities += [
            f"unknown attribute {name} of <{element.tag}>" for name in sorted(set(element.keys()) - known)
        ]
        return element.attrib

    def whole(self, element: ET.Element, name: str, default: int) -> int:
        """A whole number of zero or more; anything else is an oddity and the default, as Twilio warns and goes on."""
        text = element.get(name)
        if text is None:
            return default
        if not text.isdecimal():
            self.oddities.append(f"{name}={text!r} of <{element.tag}> is not a whole number")
            return default
        return int(text)


def _text(element: ET.Element) -> str:
    """Spoken or written text, with the whitespace of indented XML folded."""
    return " ".join("".join(element.itertext()).split())


def _say(reader: _Reader, element: ET.Element) -> Say:
    attributes = reader.attributes(element, frozenset({"voice", "language", "loop"}))
    return Say(
        text=_text(element),
        language=attributes.get("language", "en-US"),
        loop=reader.whole(element, "loop", 1),
    )


def _play(reader: _Reader, element: ET.Element) -> Play:
    reader.attributes(element, frozenset({"loop"}))
    return Play(url=_text(element))


def _pause(reader: _Reader, element: ET.Element) -> Pause:
    reader.attributes(element, frozenset({"length"}))
    return Pause(length_s=reader.whole(element, "length", 1))


def _gather(reader: _Reader, element: ET.Element) -> Gather:
    known = {"action", "method", "timeout", "numDigits", "finishOnKey", "actionOnEmptyResult", "input", "language"}
    attributes = reader.attributes(element, frozenset(known))
    if attributes.get("input", "dtmf") != "dtmf":
        reader.oddities.append(f"input={attributes['input']!r} of <Gather>: only dtmf is heard here")
    return Gather(
        prompt=reader.prompt(element),
        action=attributes.get("action", ""),
        method=attributes.get("method", "POST").upper(),
        timeout_s=reader.whole(element, "timeout", 5),
        num_digits=reader.whole(element, "numDigits", 0) or None,
        finish_on_key=attributes.get("finishOnKey", "#"),
        action_on_empty_result=attributes.get("actionOnEmptyResult", "false").lower() == "true",
    )


def _redirect(reader: _Reader, element: ET.Element) -> Redirect:
    attributes = reader.attributes(element, frozenset({"method"}))
    return Redirect(url=_text(element), method=attributes.get("method", "POST").upper())


def _hangup(reader: _Reader, element: ET.Element) -> Hangup:
    reader.attributes(element, frozenset())
    return Hangup()


def _dial(reader: _Reader, element: ET.Element) -> Dial:
    known = {"action", "method", "timeout", "callerId", "timeLimit", "answerOnBridge"}
    attributes = reader.attributes(element, frozenset(known))
    numbers = [] if len(element) else [_text(element)]
    for child in element:
        if child.tag == "Number":
            reader.attributes(child, frozenset())
            numbers.append(_text(child))
        else:
            reader.oddities.append(f"unknown noun <{child.tag}> in <Dial>")
    return Dial(
        numbers=tuple(number for number in numbers if number),
        action=attributes.get("action", ""),
        method=attributes.get("method", "POST").upper(),
        timeout_s=reader.whole(element, "timeout", 30),
        caller_id=attributes.get("callerId", ""),
        time_limit_s=reader.whole(element, "timeLimit", 14400),
    )


def _message(reader: _Reader, element: ET.Element) -> Message:
    attributes = reader.attributes(element, frozenset({"to"}))
    body = element.find("Body")
    return Message(body=_text(element if body is None else body), to=attributes.get("to", ""))


_PROMPTS = frozenset({"Say", "Play", "Pause"})
_VERBS: Mapping[str, Callable[[_Reader, ET.Element], Verb]] = {
    "Dial": _dial,
    "Gather": _gather,
    "Hangup": _hangup,
    "Message": _message,
    "Pause": _pause,
    "Play": _play,
    "Redirect": _redirect,
    "Say": _say,
}
