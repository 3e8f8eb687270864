"""The words of pages: everything has a translation, nothing is left over, and what is compiled is what is written."""

import ast
import io
import tomllib
from enum import StrEnum
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

import api
from api.words import DOMAIN, LABELS, Words
from devices.model import Hazard
from domain.people import Language

_API = Path(api.__file__).parent
_LOCALE = _API / "locale" / "zh_CN" / "LC_MESSAGES"


def _written() -> Catalog:
    with (_LOCALE / f"{DOMAIN}.po").open("rb") as file:
        return read_po(file, locale="zh_CN")


def _in_the_code() -> set[str]:
    settings = tomllib.loads((_API.parent / "pyproject.toml").read_text("utf-8"))["tool"]["babel"]["mappings"]
    methods = [(one["pattern"], one["method"]) for one in settings]
    options = {one["pattern"]: {k: v for k, v in one.items() if k not in ("pattern", "method")} for one in settings}
    found = extract_from_dir(_API, methods, options, keywords={"say": None, "noted": None}, comment_tags=())
    return {message for _, _, message, _, _ in found if isinstance(message, str) and message}


def test_everything_that_pages_say_has_a_translation_and_nothing_else_has() -> None:
    """``make catalogues`` was run, and the new words were translated."""
    written = {str(one.id): str(one.string) for one in _written() if one.id}
    assert set(written) == _in_the_code()
    assert [message for message, translation in written.items() if not translation] == []


def test_no_words_hide_in_formatted_strings() -> None:
    """What stands inside an f-string is not found for translation."""
    hidden = [
        f"{file.name}:{call.lineno}"
        for file in _API.rglob("*.py")
        for formatted in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(formatted, ast.JoinedStr)
        for call in ast.walk(formatted)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name | ast.Attribute)
        if (call.func.id if isinstance(call.func, ast.Name) else call.func.attr) == "say"
        if call.args and isinstance(call.args[0], ast.Constant)
    ]
    assert hidden == []


def test_translations_have_the_fields_of_the_original() -> None:
    """A field that is lost or misspelt would fail, or be missed, only when it is shown."""

    def fields(text: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(text)} - {None}

    for one in _written():
        if one.id:
            assert fields(str(one.string)) == fields(str(one.id)), one.id


def test_the_compiled_catalogue_is_the_written_one() -> None:
    """The wheel carries both, and programs read the compiled one."""
    compiled = io.BytesIO()
    write_mo(compiled, _written())
    assert compiled.getvalue() == (_LOCALE / f"{DOMAIN}.mo").read_bytes()


@pytest.mark.parametrize("kind", LABELS, ids=lambda kind: kind.__name__)
def test_every_member_of_a_closed_set_has_a_word(kind: type[StrEnum]) -> None:
    """A hazard that is added gets a name before it can be shown."""
    assert set(LABELS[kind]) == {member.value for member in kind}


def test_words_come_in_both_languages() -> None:
    """English is the code's own; fields are filled in after translation."""
    assert Words(Language.ZH).of(Hazard.FALL) == "跌倒"
    assert Words(Language.EN).of(Hazard.FALL) == "Fall"
    assert Words(Language.ZH)("{who} has arrived", who="李强") == "李强已到场"
