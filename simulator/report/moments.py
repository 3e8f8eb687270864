"""Care time for people."""

from datetime import datetime, timezone

from simulator.lives.day import LOCAL


def local(moment: float) -> datetime:
    """Epoch seconds as local time of the village."""
    return datetime.fromtimestamp(moment, timezone(LOCAL))


def clock_time(moment: float) -> str:
    """Epoch seconds as the village's clocks show them."""
    return f"{local(moment):%d %b %H:%M:%S}"
