"""Errors as HTTP answers: problem+json (RFC 9457) for machines. Status codes live only in api/."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ledger.errors import Broken, Rejected, TouchstoneError, Unavailable

# Refusals that are not the usual 422.
STATUSES = {
    "MALFORMED": 400,
    "FOREIGN_LINK": 400,
    "BAD_TOKEN": 400,
    "KEY_MISSING": 401,
    "KEY_UNKNOWN": 401,
    "SCOPE_MISSING": 403,
    "NOT_YOURS": 403,
    "UNKNOWN_UNIT": 404,
    "UNKNOWN_MINT": 404,
    "UNKNOWN_SUBMISSION": 404,
    "UNKNOWN_BATCH": 404,
    "KEY_REUSED": 409,
    "StaleHead": 409,
    "TOO_MANY_REQUESTS": 429,
}


def install(app: FastAPI) -> None:
    """Answer the three kinds of error, and what the framework itself refuses, as problems."""
    app.add_exception_handler(TouchstoneError, _expected)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


def problem(status: int, code: str, detail: str) -> JSONResponse:
    """Return a problem+json answer."""
    body = {"type": f"urn:touchstone:error:{code}", "title": code, "status": status}
    return JSONResponse({**body, "detail": detail}, status, media_type="application/problem+json")


def status_of(error: TouchstoneError) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, Rejected):
        return STATUSES.get(error.code, 422)
    return 503 if isinstance(error, Unavailable) else 500


async def _expected(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TouchstoneError)
    detail = error.message
    if isinstance(error, Broken):
        detail = "Something that must hold does not; the operator has been told."
    return problem(status_of(error), error.code, detail)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [
        f"{'.'.join(str(part) for part in fault['loc'][1:]) or 'body'}: {fault['msg']}"
        for fault in error.errors()
    ]
    return problem(422, "INVALID_REQUEST", "; ".join(faults))


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, "HTTP", str(error.detail))
