"""What people are told: one catalogue for each language, with the same keys and the same fields."""

from importlib import resources
from string import Formatter
from typing import Any, Final

import yaml

from alerting.errors import CatalogueFault
from domain.people import Language

_FILES: Final = {Language.ZH: "zh.yaml", Language.EN: "en.yaml"}


def say(language: Language, key: str, **fields: object) -> str:
    """The words of ``key`` in ``language`` with its fields filled in; fields that it does not have are passed over.

    Raises CatalogueFault for a key that is not in the catalogue, and for a field that is missing.
    """
    try:
        return _CATALOGUES[language][key].format(**fields)
    except KeyError as error:
        raise CatalogueFault(f"{language}: {key} lacks {error}") from error


def fields_of(words: str) -> frozenset[str]:
    """The names of the fields in ``words``."""
    return frozenset(name for _, name, _, _ in Formatter().parse(words) if name)


def catalogue(language: Language) -> dict[str, str]:
    """Every key of a language, such as ``speech.menu``, with its words."""
    return dict(_CATALOGUES[language])


def _load(language: Language) -> dict[str, str]:
    file = resources.files("alerting").joinpath("messages", _FILES[language])
    return dict(_flat(yaml.safe_load(file.read_text("utf-8")), ""))


def _flat(written: Any, above: str) -> list[tuple[str, str]]:
    if isinstance(written, str):
        return [(above, written)]
    if not isinstance(written, dict):
        raise CatalogueFault(f"{above} is {written!r}, neither words nor a group")
    return [one for key, value in written.items() for one in _flat(value, f"{above}.{key}".lstrip("."))]


def _agree(catalogues: dict[Language, dict[str, str]]) -> None:
    """Raise CatalogueFault unless every language has every key, with the same fields. Silence is found at the start."""
    every = {key: fields_of(words) for words_of in catalogues.values() for key, words in words_of.items()}
    for language, words_of in catalogues.items():
        if lacking := sorted(every.keys() - words_of.keys()):
            raise CatalogueFault(f"{language} lacks {', '.join(lacking)}")
        for key, words in words_of.items():
            if fields_of(words) != every[key]:
                raise CatalogueFault(
                    f"{language}: {key} has the fields {sorted(fields_of(words))}, not {sorted(every[key])}"
                )


_CATALOGUES: Final = {language: _load(language) for language in Language}
_agree(_CATALOGUES)
