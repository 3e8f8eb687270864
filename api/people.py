"""How residents are spoken of on pages."""

from collections.abc import Sequence

from api.words import Words


def titled(say: Words, residents: Sequence[Sequence[str]]) -> str:
    """Residents (code, surname, sex or '') by surname; empty for nobody. All that is said before acceptance."""
    said = {
        "female": lambda surname: say("Mrs {surname}", surname=surname),
        "male": lambda surname: say("Mr {surname}", surname=surname),
        "": lambda surname: say("{surname} (resident)", surname=surname),
    }
    return say(", ").join(said[sex](surname) for _, surname, sex in residents)


def full_name(surname: str, given_name: str) -> str:
    """Surname first; a space between them where they are written in letters."""
    return f"{surname} {given_name}".strip() if surname.isascii() else f"{surname}{given_name}"
