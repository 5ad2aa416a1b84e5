"""Codes printed elsewhere"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('code_import',
    sa.Column('id', BIG, nullable=False),
    sa.Column('brand', BIG, nullable=False),
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('rows', BIG, nullable=False),
    sa.Column('good', BIG, nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('tries', BIG, nullable=False),
    sa.Column('created', BIG, nullable=False),
    sa.Column('error', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('digest')
    )
    with op.batch_alter_table('code_import', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_code_import_brand'), ['brand'], unique=False)
        batch_op.create_index(batch_op.f('ix_code_import_state'), ['state'], unique=False)

    op.create_table('imported_batch',
    sa.Column('id', BIG, nullable=False),
    sa.Column('code_import', BIG, nullable=False),
    sa.Column('brand', BIG, nullable=False),
    sa.Column('gtin', BIG, nullable=False),
    sa.Column('count', BIG, nullable=False),
    sa.Column('mint', BIG, nullable=True),
    sa.ForeignKeyConstraint(['code_import'], ['code_import.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('mint')
    )
    with op.batch_alter_table('imported_batch', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_imported_batch_code_import'), ['code_import'], unique=False)

    op.create_table('imported_code',
    sa.Column('tag', sa.LargeBinary(length=16), nullable=False),
    sa.Column('source', BIG, nullable=False),
    sa.Column('index', BIG, nullable=False),
    sa.PrimaryKeyConstraint('tag'),
    sqlite_with_rowid=False
    )
    op.create_table('imported_chunk',
    sa.Column('source', BIG, autoincrement=False, nullable=False),
    sa.Column('number', BIG, autoincrement=False, nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['source'], ['imported_batch.id'], ),
    sa.PrimaryKeyConstraint('source', 'number')
    )
    op.create_table('imported_lot',
    sa.Column('source', BIG, autoincrement=False, nullable=False),
    sa.Column('first', BIG, autoincrement=False, nullable=False),
    sa.Column('to', BIG, nullable=False),
    sa.Column('lot', sa.Text(), nullable=False),
    sa.Column('expiry', sa.String(length=10), nullable=True),
    sa.Column('submission', BIG, nullable=True),
    sa.ForeignKeyConstraint(['source'], ['imported_batch.id'], ),
    sa.PrimaryKeyConstraint('source', 'first')
    )


def downgrade() -> None:
    op.drop_table('imported_lot')
    op.drop_table('imported_chunk')
    op.drop_table('imported_code')
    op.drop_table('imported_batch')
    op.drop_table('code_import')
