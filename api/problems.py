"""Errors as RFC 9457 problems: what went wrong, in which field, with which value, against which limit.

Every error answer of the web is ``application/problem+json``. ``type`` is a relative reference under ``/problems/``,
stable for programs; ``title`` and ``detail`` are for people; ``errors`` lists each field at fault.
"""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from domain.errors import NotPermitted, PlanFault
from store.errors import ConstraintBroken, StoreError

log = structlog.get_logger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
_RETRY_AFTER_S: Final = 5
_LONGEST_VALUE: Final = 200  # characters of a refused value that are said back


class FieldFault(BaseModel, frozen=True):
    """One field at fault."""

    field: str = Field(description="Where: `body.phone`, `query.limit`, `path.code`.", examples=["body.phone"])
    value: Any = Field(default=None, description="What was sent, shortened.", examples=["120"])
    limit: str = Field(description="What is allowed.", examples=["'+' and 7 to 15 digits"])


class ProblemBody(BaseModel, frozen=True):
    """An error, as RFC 9457 writes it."""

    type: str = Field(examples=["/problems/not-found"])
    title: str = Field(examples=["There is nothing here"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["there is no household 'home-9' here"])
    errors: tuple[FieldFault, ...] = ()


class Problem(Exception):
    """An answer that is an error: raised anywhere below a route, written by :func:`install`."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    slug = "internal"
    title = "Something went wrong here"

    def __init__(
        self, detail: str, *, errors: Sequence[FieldFault] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def answer(self) -> Response:
        """The HTTP response."""
        body = ProblemBody(
            type=f"/problems/{self.slug}",
            title=self.title,
            status=self.status,
            detail=self.detail,
            errors=self.errors,
        )
        return JSONResponse(
            body.model_dump(mode="json"), status_code=self.status, headers=self.headers, media_type=MEDIA_TYPE
        )


class NotUnderstood(Problem):
    """A value breaks a rule."""

    status, slug, title = HTTPStatus.UNPROCESSABLE_ENTITY, "not-understood", "A value is not allowed"


def refused_field(field: str, value: Any, limit: str) -> NotUnderstood:
    """The problem of one value that is not allowed."""
    fault = FieldFault(field=field, value=shortened(value), limit=limit)
    return NotUnderstood(f"{field} is not allowed: it must be {limit}", errors=[fault])


class NotSignedIn(Problem):
    """No key, or one that does not count (any more)."""

    status, slug, title = HTTPStatus.UNAUTHORIZED, "not-signed-in", "A valid key is needed"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="carewatch"'})


class Forbidden(Problem):
    """The key is good and may not do this."""

    status, slug, title = HTTPStatus.FORBIDDEN, "forbidden", "This key may not do that"


class NotFound(Problem):
    """There is no such thing, or none that this actor may see."""

    status, slug, title = HTTPStatus.NOT_FOUND, "not-found", "There is nothing here"


class Conflict(Problem):
    """What is there already stands against it."""

    status, slug, title = HTTPStatus.CONFLICT, "conflict", "This contradicts what is there"


class Outdated(Problem):
    """If-Match names another version than the present one."""

    status, slug, title = HTTPStatus.PRECONDITION_FAILED, "outdated", "It has been changed since you read it"


class MatchNeeded(Problem):
    """A record that exists is replaced only by somebody who has read it."""

    status, slug, title = HTTPStatus.PRECONDITION_REQUIRED, "if-match-needed", "Say which version you are replacing"


class TooLarge(Problem):
    """The body is beyond the limit."""

    status, slug, title = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", "The body is too large"


class Unavailable(Problem):
    """Nothing is wrong with the request; try it again."""

    status, slug, title = HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "Not just now; try again"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"Retry-After": str(_RETRY_AFTER_S)})


class Protocol(Problem):
    """HTTP itself was misused: an unknown path, a method that does not exist there."""

    def __init__(self, error: HTTPException) -> None:
        super().__init__(str(error.detail), headers=error.headers)
        self.status = HTTPStatus(error.status_code)
        self.slug = self.status.phrase.lower().replace(" ", "-")
        self.title = self.status.phrase


def of_store(error: StoreError) -> Problem:
    """The problem that ``error`` is for whoever asked."""
    if error.retryable:
        return Unavailable("the database cannot answer now")
    if isinstance(error, ConstraintBroken):
        # The first line is PostgreSQL's sentence or our own; what follows it repeats the row.
        return Conflict(str(error).splitlines()[0])
    return Problem("the database refused a statement of ours")


def of_validation(error: RequestValidationError) -> Problem:
    """The problem whose ``errors`` name every field of the request that broke a rule."""
    faults = [
        FieldFault(
            field=".".join(str(part) for part in one["loc"]) or "body",
            value=shortened(one.get("input")),
            limit=str(one["msg"]),
        )
        for one in error.errors()
    ]
    return NotUnderstood(f"{len(faults)} values of this request are not allowed", errors=faults)


def shortened(value: Any) -> Any:
    """``value`` if it is a short scalar, else the beginning of its text: what a problem says back."""
    if value is None or isinstance(value, bool | int | float):
        try:
            json.dumps(value, allow_nan=False)
        except ValueError:
            return str(value)
        return value
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"


def install(app: FastAPI) -> None:
    """Have ``app`` answer every error as a problem."""

    @app.exception_handler(Problem)
    async def _problem(request: Request, error: Problem) -> Response:
        return error.answer()

    @app.exception_handler(StoreError)
    async def _store(request: Request, error: StoreError) -> Response:
        if not isinstance(error, ConstraintBroken):
            log.warning("store_error", path=request.url.path, error=str(error), retryable=error.retryable)
        return of_store(error).answer()

    @app.exception_handler(NotPermitted)
    async def _not_permitted(request: Request, error: NotPermitted) -> Response:
        return Forbidden(str(error)).answer()

    @app.exception_handler(PlanFault)
    async def _plan_fault(request: Request, error: PlanFault) -> Response:
        fault = FieldFault(field=f"body.{error.field}", value=shortened(error.value), limit=error.allowed)
        return NotUnderstood(str(error), errors=[fault]).answer()

    @app.exception_handler(RequestValidationError)
    async def _validation(request: Request, error: RequestValidationError) -> Response:
        return of_validation(error).answer()

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        return Protocol(error).answer()

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> Response:
        log.error("web_failed", path=request.url.path, method=request.method, exc_info=error)
        return Problem("this has been logged; please tell whoever runs this platform").answer()
