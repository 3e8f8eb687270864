"""One incident on paper: a PDF with its whole timeline, everybody who was to be reached, and how it ended.

The font comes with a package and is embedded, as far as it is used: the page looks the same everywhere. How to get in,
telephone numbers and positions stay off the paper, which nobody can call back.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from fpdf import FPDF
from fpdf.enums import WrapMode, XPos, YPos
from fpdf.fonts import FontFace
from pylopdf_fonts_zh_cn import sans_path

from api.console.incident_view import View
from api.console.rows import after
from api.palette import SEVERITY_COLOURS
from api.words import Words
from domain.people import Language

MOST_ATTEMPTS: Final = 1000
"""Attempts to reach somebody that are printed, the newest."""
MOST_LINES: Final = 2000
"""Entries of the timeline that are printed, the newest."""

_FAMILY: Final = "sans"
_INK: Final = "#16202a"
_QUIET: Final = "#4d5a66"
_LINE: Final = "#d3dae0"
_MARGIN_MM: Final = 16
_BODY_PT: Final = 9.5
_LINE_MM: Final = 5.2


def report(view: View, say: Words, *, printed_at: datetime, printed_by: str) -> bytes:
    """The incident as PDF, A4. ``printed_at`` is in the zone of whoever prints it. Takes a good part of a second of
    processor time, of a long incident several seconds: not on an event loop.
    """
    page = _Page(view, say, printed_at, printed_by)
    page.add_page()
    page.heading()
    page.facts()
    page.going()
    page.attempts()
    page.timeline()
    return bytes(page.output())


class _Page(FPDF):
    def __init__(self, view: View, say: Words, printed_at: datetime, printed_by: str) -> None:
        super().__init__()
        self._view = view
        self._say = say
        self._printed = say("Printed by {who}, {when}", who=printed_by, when=f"{printed_at:%Y-%m-%d %H:%M}")
        # Chinese may be broken anywhere, English between words.
        self._wrap = WrapMode.CHAR if say.language is Language.ZH else WrapMode.WORD
        self.set_margin(_MARGIN_MM)
        self.set_auto_page_break(auto=True, margin=_MARGIN_MM + 6)
        self.add_font(_FAMILY, fname=str(sans_path()))
        self.set_font(_FAMILY, size=_BODY_PT)
        self.set_lang(say.language.value)
        self.set_title(f"#{view.incident.number} {view.title}")
        self.set_author(printed_by)
        self.set_creator(say("CareWatch"))
        self.set_creation_date(printed_at)

    def footer(self) -> None:
        """Below every page: who printed it, and which page it is."""
        self.set_y(-_MARGIN_MM)
        self._style(8, _QUIET)
        self.cell(self.epw / 2, _LINE_MM, self._printed)
        say = self._say  # the name under which words are gathered for translation
        counted = say("Page {page} of {pages}", page=self.page_no(), pages="{nb}")
        self.cell(self.epw / 2, _LINE_MM, counted, align="R")

    def heading(self) -> None:
        """What it is, in the colour of its severity."""
        incident, say = self._view.incident, self._say
        colour = SEVERITY_COLOURS[incident.severity]
        self._style(17, colour.text)
        with self.local_context(fill_color=colour.surface):  # what stays set would fill the tables as well
            self.cell(14, 14, str(incident.severity), align="C", fill=True)
        self.set_x(self.l_margin + 18)
        self._style(17, _INK)
        self.multi_cell(self.epw - 18, 7.5, self._view.title, align="L", **_BELOW)
        self.set_x(self.l_margin + 18)
        self._style(_BODY_PT, _QUIET)
        parts = ([say("Drill")] if incident.mode == "drill" else []) + [f"#{incident.number}", say("CareWatch")]
        self.multi_cell(self.epw - 18, 6, " · ".join(parts), **_BELOW)
        self.ln(3)

    def facts(self) -> None:
        """Who, where, since when, until when, and how it ended."""
        view, say = self._view, self._say
        incident = view.incident
        handled = view.organisation if view.level == view.organisation else f"{view.organisation} → {view.level}"
        rows = [(say("State"), " · ".join(filter(None, (view.state, view.ending))))]
        rows += [(say("Resident"), " · ".join(filter(None, (one.name, one.about)))) for one in view.residents]
        if view.home is not None:
            rows.append((say("Address"), " ".join(filter(None, (incident.community, view.home.address)))))
        rows += [
            (say("Organisation"), handled),
            (say("Device"), view.device),
            (say("Alarms"), str(incident.alarms)),
            (say("Opened"), view.opened),
            (say("Accepted after"), after(incident.opened_at, incident.acknowledged_at)),
            (say("On scene after"), after(incident.opened_at, incident.on_scene_at)),
            (say("Resolved after"), after(incident.opened_at, incident.resolved_at)),
        ]
        for word, value in rows:
            if value:
                self._style(_BODY_PT, _QUIET)
                self.cell(38, 5.8, word)
                self._style(_BODY_PT, _INK)
                self.multi_cell(self.epw - 38, 5.8, value, align="L", wrapmode=self._wrap, **_BELOW)

    def going(self) -> None:
        """Who said what."""
        self._title(self._say("Who is going"))
        lines = [" ".join(filter(None, (one.name, one.word, one.said_by))) for one in self._view.going]
        for line in lines or [self._say("Nobody yet.")]:
            self.multi_cell(self.epw, 5.8, line, align="L", wrapmode=self._wrap, **_BELOW)

    def attempts(self) -> None:
        """Everybody who was to be reached, in order, and what came of it."""
        say, tries = self._say, self._view.tries
        self._title(say("Who was to be reached"))
        if len(tries) > MOST_ATTEMPTS:
            self._left_out()
        rows = [
            (
                f"{one.day} {one.time}",
                "\n".join((one.who, " · ".join((one.circle, say("round {round}", round=one.round))))),
                " · ".join(filter(None, (one.how, one.why))),
                one.answer or "–",
            )
            for one in reversed(tries[:MOST_ATTEMPTS])
        ]
        if rows:
            self._table((say("At"), say("Who"), say("How it stands"), say("Answer")), rows, (35, 55, 58, 30))
        else:
            self.multi_cell(self.epw, 5.8, say("Nobody has been asked yet."), **_BELOW)

    def timeline(self) -> None:
        """What has happened, from the first alarm on."""
        say, lines = self._say, self._view.lines
        self._title(say("What has happened"))
        if len(lines) > MOST_LINES:
            self._left_out()
        rows = []
        for one in lines[-MOST_LINES:]:
            note = say("(erased)") if one.erased else one.note
            text = f"{one.who}: {one.text}" if one.who else one.text
            rows.append((f"{one.day} {one.time}", f"{text}\n{note}" if note else text))
        self._table((say("At"), say("What")), rows, (35, 143))

    def _left_out(self) -> None:
        say = self._say
        self._style(8, _QUIET)
        text = say("Earlier ones are left out here; the console shows them.")
        self.multi_cell(self.epw, 5.8, text, wrapmode=self._wrap, **_BELOW)

    def _title(self, text: str) -> None:
        if self.will_page_break(24):
            self.add_page()
        self.ln(5)
        self._style(12.5, _INK)
        self.cell(self.epw, 8, text, **_BELOW)
        self._style(_BODY_PT, _INK)

    def _table(self, heads: Sequence[str], rows: Sequence[Sequence[str]], widths: tuple[int, ...]) -> None:
        self._style(_BODY_PT, _INK)
        self.set_draw_color(_LINE)
        with self.table(
            borders_layout="HORIZONTAL_LINES",
            col_widths=widths,
            headings_style=FontFace(emphasis="", color=_QUIET),
            line_height=_LINE_MM,
            padding=(1, 1.5, 1, 0),
            text_align="LEFT",
            v_align="T",
            wrapmode=self._wrap,
        ) as table:
            for row in (heads, *rows):
                table.row(row)

    def _style(self, size_pt: float, colour: str) -> None:
        self.set_font_size(size_pt)
        self.set_text_color(colour)


_BELOW: Final[dict[str, Any]] = {"new_x": XPos.LMARGIN, "new_y": YPos.NEXT}
"""Go on at the left, below."""
