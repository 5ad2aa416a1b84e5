"""The HTTP application: consumers' pages, the API of parties, and nothing else.

One request is one transaction; status codes, cookies and headers exist only in this package.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.staticfiles import StaticFiles
from sqlalchemy import text

from api import (
    alert_rules,
    alerts,
    brand,
    consumer,
    custody,
    imports,
    inner,
    keys,
    orders,
    packing,
    problems,
    verbs,
    webhooks,
)
from api.limits import PER_MINUTE, BodyLimit, Limiter
from api.pages import ASSETS, STATIC
from ledger.db.engine import reading
from ledger.services.open import open_installation
from ledger.services.settings import Settings
from ledger.services.site import Site


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
        docs_url=None,  # its scripts would come from another host
        redoc_url=None,
        redirect_slashes=False,
        responses={"4XX": problems.DOCUMENTED, "5XX": problems.DOCUMENTED},
    )
    app.state.limiters = {name: Limiter(most) for name, most in PER_MINUTE.items()}
    app.state.listeners = Counter()  # to the feed of alerts, by party
    app.add_middleware(BodyLimit)
    problems.install(app)
    app.include_router(consumer.router)
    app.include_router(inner.router)
    app.include_router(brand.router)
    app.include_router(custody.router)
    app.include_router(custody.relay_router)
    for part in (verbs, alerts, alert_rules, webhooks, keys, orders, imports, packing):
        app.include_router(part.router)
    app.mount(ASSETS, StaticFiles(directory=STATIC), name="static")

    @app.get("/healthz", tags=["operation"])
    def health(request: Request) -> dict[str, str]:
        """Whether this process can read its database."""
        with reading(request.app.state.site.engine) as session:
            session.execute(text("SELECT 1"))
        return {"status": "ok"}

    return app
