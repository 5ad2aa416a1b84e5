"""A claim is named by its batch and index"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None

CHAIN_TABLES = (
    'chain_anchor',
    'chain_batch',
    'chain_checkpoint',
    'chain_claim',
    'chain_delegate',
    'chain_epoch',
    'chain_event',
    'chain_exception',
    'chain_failure',
    'chain_item',
    'chain_lot',
    'chain_party',
    'chain_prefix',
    'chain_registry',
    'chain_run',
    'chain_skip',
    'chain_transaction',
    'chain_unit',
)


def upgrade() -> None:
    _empty()
    with op.batch_alter_table('chain_claim', schema=None) as batch_op:
        batch_op.drop_index('chain_claim_leaf')
        batch_op.drop_column('leaf')


def downgrade() -> None:
    _empty()
    with op.batch_alter_table('chain_claim', schema=None) as batch_op:
        batch_op.add_column(sa.Column('leaf', sa.LargeBinary(), nullable=False))
        batch_op.create_index('chain_claim_leaf', ['leaf'], unique=False)


def _empty() -> None:
    for table in CHAIN_TABLES:
        op.execute(sa.text(f'DELETE FROM {table}'))  # the worker fills them anew from the chain
