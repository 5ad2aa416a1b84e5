"""Nodes half-way to the root of the inner codes' trees"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger.domain import merkle

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('mint', schema=None) as batch_op:
        batch_op.add_column(sa.Column('inner_top', sa.LargeBinary(), nullable=True))
    mint = sa.table(
        'mint',
        sa.column('id', sa.BigInteger),
        sa.column('inner_kept', sa.LargeBinary),
        sa.column('inner_top', sa.LargeBinary),
    )
    connection = op.get_bind()
    numbers = sa.select(mint.c.id).where(mint.c.inner_kept.is_not(None))
    for number in connection.scalars(numbers).all():
        row = mint.c.id == number
        kept = connection.execute(sa.select(mint.c.inner_kept).where(row)).scalar_one()
        connection.execute(mint.update().where(row).values(inner_top=merkle.top_nodes(kept)))


def downgrade() -> None:
    with op.batch_alter_table('mint', schema=None) as batch_op:
        batch_op.drop_column('inner_top')
