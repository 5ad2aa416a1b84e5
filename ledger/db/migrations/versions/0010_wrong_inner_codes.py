"""Wrong inner codes"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('inner_try',
    sa.Column('id', BIG, nullable=False),
    sa.Column('who', sa.String(length=22), nullable=False),
    sa.Column('time', BIG, nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('inner_try', schema=None) as batch_op:
        batch_op.create_index('inner_try_who', ['who', 'time'], unique=False)
        batch_op.create_index(batch_op.f('ix_inner_try_time'), ['time'], unique=False)


def downgrade() -> None:
    op.drop_table('inner_try')
