"""Mints with inner codes"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('mint', schema=None) as batch_op:
        batch_op.add_column(sa.Column('inner', sa.Boolean(), server_default=sa.true(), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table('mint', schema=None) as batch_op:
        batch_op.drop_column('inner')
