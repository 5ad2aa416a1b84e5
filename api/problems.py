"""Errors as HTTP answers: a page for a person who follows a link, else problem+json (RFC 9457).

Status codes live only in api/. No answer tells what the code looks like inside: what is not one of
our own errors is logged, and answered as INTERNAL.
"""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

from api.pages import HEADERS, pick_language, render_problem
from ledger.errors import Broken, Rejected, TouchstoneError, Unavailable

log = logging.getLogger("touchstone.api")

# Refusals that are not the usual 422.
STATUSES = {
    "MALFORMED": 400,
    "FOREIGN_LINK": 400,
    "BAD_TOKEN": 400,
    "KEY_MISSING": 401,
    "KEY_UNKNOWN": 401,
    "SCOPE_MISSING": 403,
    "NOT_YOURS": 403,
    "OWN_ORDER": 403,
    "ORDERED_CODES": 403,
    "SAME_PERSON": 403,
    "UNKNOWN_UNIT": 404,
    "UNKNOWN_MINT": 404,
    "UNKNOWN_SUBMISSION": 404,
    "UNKNOWN_BATCH": 404,
    "UNKNOWN_INNER": 404,
    "UNKNOWN_ITEM": 404,
    "UNKNOWN_DEVICE": 404,
    "UNKNOWN_ALERT": 404,
    "UNKNOWN_MARKET": 404,
    "UNKNOWN_RULE": 404,
    "UNKNOWN_EXCEPTION": 404,
    "UNKNOWN_ENTRY": 404,
    "UNKNOWN_WEBHOOK": 404,
    "UNKNOWN_DELIVERY": 404,
    "UNKNOWN_KEY": 404,
    "UNKNOWN_PRODUCT": 404,
    "UNKNOWN_RECEIVER": 404,
    "UNKNOWN_ORDER": 404,
    "NO_EVIDENCE": 404,
    "KEY_REUSED": 409,
    "StaleHead": 409,
    "KEY_NAME_TAKEN": 409,
    "WRONG_STEP": 409,
    "PACKAGE_NOT_READY": 409,
    "PACKAGE_EXPIRED": 410,
    "PACKAGE_SPENT": 410,
    "ALERT_CLOSED": 409,
    "TOO_MANY_REQUESTS": 429,
    "TOO_MANY_TRIES": 429,
}
# What the framework or the web server itself refuses.
TOO_LARGE = ("TOO_LARGE", "The body is larger than this address takes: split it.")
PLAIN = {
    400: ("BAD_REQUEST", "The request cannot be read: send JSON as docs/http.md says."),
    404: ("NOT_FOUND", "There is nothing at this address."),
    405: ("METHOD_NOT_ALLOWED", "This address does not take that method."),
    413: TOO_LARGE,
}
HINTS = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": "60"}, 503: {"Retry-After": "5"}}
DOCUMENTED = {
    "description": "A problem (RFC 9457): its title is a code of docs/errors.md.",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "properties": {
                    "type": {"type": "string"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                },
            }
        }
    },
}
INTERNAL = ("INTERNAL", "Something went wrong here, and was logged: it is not your fault.")
MACHINES = ("/v1/", "/relay")
# Refusals that a person meets on a page, and the page that says so; see `api.pages.PROBLEMS`. All
# that a person can do here is to uncover an inner code: any other refusal is of that.
PERSONS = {
    "MALFORMED": "MALFORMED",
    "UNKNOWN_INNER": "UNKNOWN_INNER",
    "TOKEN_EXPIRED": "TOKEN_EXPIRED",
    "BAD_TOKEN": "TOKEN_EXPIRED",
    "TOO_MANY_REQUESTS": "TOO_MANY_REQUESTS",
    "AlreadyClaimed": "ALREADY_OPENED",
}
OTHERS = "NOT_RECORDED"
MAX_FAULTS = 20  # that are told of one request


def install(app: FastAPI) -> None:
    """Answer the three kinds of error, and what the framework itself refuses."""
    app.add_exception_handler(TouchstoneError, _expected)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def problem(status: int, code: str, detail: str) -> JSONResponse:
    """Return a problem+json answer."""
    body = {"type": f"urn:touchstone:error:{code}", "title": code, "status": status}
    headers = {"X-Content-Type-Options": "nosniff", **HINTS.get(status, {})}
    kind = "application/problem+json"
    return JSONResponse({**body, "detail": detail}, status, headers, kind)


def status_of(error: TouchstoneError) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, Rejected):
        return STATUSES.get(error.code, 422)
    return 503 if isinstance(error, Unavailable) else 500


def _answer(request: Request, status: int, code: str, detail: str, page: str | None) -> Response:
    """Return a problem, or for a person the page of that name of `api.pages.PROBLEMS`."""
    wanted = "text/html" in request.headers.get("accept", "")
    if page is None or not wanted or request.url.path.startswith(MACHINES):
        return problem(status, code, detail)
    asked = request.query_params.get("lang")
    language = pick_language(request.headers.get("accept-language"), asked)
    headers = {**HEADERS, **HINTS.get(status, {})}
    # Of the entrance, what was typed there: nobody shall have to type it again.
    link = request.query_params.get("link", "") if request.url.path == "/" else ""
    return HTMLResponse(render_problem(page, language, link=link), status, headers)


async def _expected(request: Request, error: Exception) -> Response:
    assert isinstance(error, TouchstoneError)
    detail, page = error.message, PERSONS.get(error.code, OTHERS)
    if isinstance(error, Unavailable):
        page = "LEDGER_UNREACHABLE"
    if error.code.startswith("DATABASE_"):
        log.error("%s: %s", error.code, error.message)
        detail = "The database does not answer: try again."  # where it is concerns nobody outside
    if isinstance(error, Broken):
        log.error("%s: %s", error.code, error.message)
        page = "INTERNAL"
        detail = "Something that must hold does not; the operator has been told."
    return _answer(request, status_of(error), error.code, detail, page)


async def _unexpected(request: Request, _: Exception) -> Response:
    # The server logs the error itself: the framework raises it again after this answer.
    return _answer(request, 500, *INTERNAL, page="INTERNAL")


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [
        f"{'.'.join(str(part) for part in fault['loc'][1:]) or 'body'}: {fault['msg']}"
        for fault in error.errors()
    ]
    told = "; ".join(faults[:MAX_FAULTS])
    return _answer(request, 422, "INVALID_REQUEST", told, page="NOT_FOUND")


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, detail = PLAIN.get(error.status_code, ("HTTP", str(error.detail)))
    page = "NOT_FOUND" if error.status_code == 404 else None
    answer = _answer(request, error.status_code, code, detail, page)
    answer.headers.update(error.headers or {})
    return answer
