"""The HTTP application: consumers' pages, the API of parties, and nothing else.

One request is one transaction; status codes, cookies and headers exist only in this package.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from sqlalchemy import text
from starlette.middleware.base import RequestResponseEndpoint

from api import brand, consumer, custody, problems
from api.pages import ASSETS, STATIC
from ledger.db.engine import reading
from ledger.services.open import open_installation
from ledger.services.settings import Settings
from ledger.services.site import Site

MAX_BODY = 8 << 20


def create_app(site: Site | None = None) -> FastAPI:
    """Return the application on an installation; None opens the one of the environment."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.site = site or open_installation(Settings())
        yield

    app = FastAPI(
        title="Touchstone",
        description="Verdicts that can be checked without trusting whoever runs this server.",
        lifespan=lifespan,
        docs_url="/docs",
        redoc_url=None,
    )
    problems.install(app)
    app.include_router(consumer.router)
    app.include_router(brand.router)
    app.include_router(custody.router)
    app.include_router(custody.relay_router)
    app.mount(ASSETS, StaticFiles(directory=STATIC), name="static")

    @app.get("/healthz", tags=["operation"])
    def health(request: Request) -> dict[str, str]:
        """Whether this process can read its database."""
        with reading(request.app.state.site.engine) as session:
            session.execute(text("SELECT 1"))
        return {"status": "ok"}

    @app.middleware("http")
    async def bound(request: Request, call_next: RequestResponseEndpoint) -> Response:
        if int(request.headers.get("content-length") or 0) > MAX_BODY:
            return problems.problem(413, "TOO_LARGE", "A request holds at most 8 MiB: split it.")
        return await call_next(request)

    return app
