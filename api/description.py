"""The OpenAPI description, with errors under the media type that they really have."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.problems import MEDIA_TYPE, ProblemBody

_PROBLEM = {"$ref": f"#/components/schemas/{ProblemBody.__name__}"}

SUMMARY = """\
Households, people, devices, incidents of one platform, within the subtree of the organisation that a key belongs to:
what lies outside does not exist for it (404). Records are created or replaced by PUT under their code; replacing takes
`If-Match` with the ETag that was read. Errors are problems as of RFC 9457. Times are RFC 3339 with an offset.
"""


def install(app: FastAPI) -> None:
    """Have ``app`` describe itself; made at the first request, then kept."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = get_openapi(
                title=app.title, version=app.version, summary="CareWatch", description=SUMMARY, routes=app.routes
            )
            for item in app.openapi_schema["paths"].values():
                for operation in item.values():
                    _state_problems(operation["responses"])
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's own way of changing it


def _state_problems(responses: dict[str, Any]) -> None:
    for response in responses.values():
        content = response.get("content", {})
        if content.get("application/json", {}).get("schema") == _PROBLEM:
            response["content"] = {MEDIA_TYPE: content["application/json"]}
