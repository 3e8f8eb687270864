"""Logs: structured, on standard error, for people at a terminal or for machines as JSON lines."""

import logging
import sys
from enum import StrEnum
from typing import Any, Literal, TextIO

import structlog
from pydantic import BaseModel, Field
from structlog.typing import EventDict, Processor, WrappedLogger


class LogFormat(StrEnum):
    """How a line of the log looks."""

    AUTO = "auto"  # console at a terminal, json elsewhere
    CONSOLE = "console"
    JSON = "json"


class LogConfig(BaseModel, frozen=True, extra="forbid"):
    """Settings of the log."""

    format: LogFormat = Field(default=LogFormat.AUTO, description="`auto`: `console` at a terminal, `json` elsewhere")
    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="What is worth a line")


_CHATTY = ("httpx", "httpcore", "asyncio", "uvicorn.error")
"""Libraries whose lines of level info are about themselves."""


def configure_logging(config: LogConfig, *, to: TextIO | None = None, **context: str) -> None:
    """Send everything, that of libraries too, to standard error, or ``to`` a file; each line carries ``context``."""
    shared: list[Processor] = [
        _stamp(context),
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(to or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_ending(config.format)],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(config.level.upper())
    for library in _CHATTY:
        logging.getLogger(library).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


def _stamp(context: dict[str, str]) -> Processor:
    def stamp(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {**context, **event}

    return stamp


def _ending(wanted: LogFormat) -> list[Any]:
    terminal = sys.stderr.isatty()
    if wanted is LogFormat.CONSOLE or (wanted is LogFormat.AUTO and terminal):
        return [structlog.dev.ConsoleRenderer(colors=terminal)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
