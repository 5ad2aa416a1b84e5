"""Nodes half-way to the root"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger.domain import merkle

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('mint', schema=None) as batch_op:
        batch_op.add_column(sa.Column('top', sa.LargeBinary(), nullable=True))
    mint = sa.table(
        'mint', sa.column('id', sa.BigInteger), sa.column('kept', sa.LargeBinary), sa.column('top', sa.LargeBinary)
    )
    connection = op.get_bind()
    for number, kept in connection.execute(sa.select(mint.c.id, mint.c.kept).where(mint.c.kept.is_not(None))).all():
        connection.execute(mint.update().where(mint.c.id == number).values(top=merkle.top_nodes(kept)))


def downgrade() -> None:
    with op.batch_alter_table('mint', schema=None) as batch_op:
        batch_op.drop_column('top')
