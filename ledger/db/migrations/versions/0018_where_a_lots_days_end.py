"""Where a lot's days end"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None

BIG_INT = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    with op.batch_alter_table('lot_name', schema=None) as batch_op:
        batch_op.add_column(sa.Column('zone', BIG_INT, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('lot_name', schema=None) as batch_op:
        batch_op.drop_column('zone')
