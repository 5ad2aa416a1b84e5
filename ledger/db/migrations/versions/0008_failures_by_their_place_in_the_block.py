"""Failures by their place in the block"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'
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
    for table in CHAIN_TABLES:
        op.execute(sa.text(f'DELETE FROM {table}'))  # the worker fills them anew from the chain
    op.drop_table('chain_failure')
    op.create_table('chain_failure',
    sa.Column('block', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('log_index', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('transaction_hash', sa.LargeBinary(), nullable=False),
    sa.Column('part', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('reason', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('block', 'log_index')
    )
    with op.batch_alter_table('chain_failure', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_chain_failure_transaction_hash'), ['transaction_hash'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('chain_failure', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_chain_failure_transaction_hash'))

    op.drop_table('chain_failure')
    op.create_table('chain_failure',
    sa.Column('transaction_hash', sa.LargeBinary(), nullable=False),
    sa.Column('part', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('block', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('reason', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('transaction_hash', 'part')
    )
