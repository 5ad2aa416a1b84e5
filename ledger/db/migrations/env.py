"""Alembic's entry: runs on the connection that `open_database` hands over."""

from __future__ import annotations

from alembic import context

from ledger.db import models as models  # whoever knows it knows all tables
from ledger.db.base import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=Base.metadata, render_as_batch=True, compare_type=True
)
with context.begin_transaction():
    context.run_migrations()
