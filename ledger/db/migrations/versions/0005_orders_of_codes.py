"""Orders of codes, their receivers and packages"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('receiver',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('brand', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('method', sa.String(length=16), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('created', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('removed', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('receiver', schema=None) as batch_op:
        batch_op.create_index('receiver_name', ['brand', 'name'], unique=True)

    op.create_table('code_order',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('brand', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('gtin', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('quantity', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('form', sa.String(length=16), nullable=False),
    sa.Column('receiver', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('who', sa.Text(), nullable=False),
    sa.Column('created', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('since', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('error', sa.Text(), nullable=True),
    sa.Column('mint', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('printed', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('warn_h', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('warned', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['mint'], ['mint.id'], ),
    sa.ForeignKeyConstraint(['receiver'], ['receiver.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('key')
    )
    with op.batch_alter_table('code_order', schema=None) as batch_op:
        batch_op.create_index('code_order_state', ['state'], unique=False)
        batch_op.create_index(batch_op.f('ix_code_order_brand'), ['brand'], unique=False)

    op.create_table('code_package',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('order', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('copy', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('size', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('sha256', sa.LargeBinary(), nullable=False),
    sa.Column('made', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('expires', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('ended', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.ForeignKeyConstraint(['order'], ['code_order.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('code_package', schema=None) as batch_op:
        batch_op.create_index('code_package_copy', ['order', 'copy'], unique=True)

    op.create_table('package_download',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('package', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('time', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('who', sa.Text(), nullable=False),
    sa.Column('place', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['package'], ['code_package.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('package_download', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_package_download_package'), ['package'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('package_download', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_package_download_package'))

    op.drop_table('package_download')
    with op.batch_alter_table('code_package', schema=None) as batch_op:
        batch_op.drop_index('code_package_copy')

    op.drop_table('code_package')
    with op.batch_alter_table('code_order', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_code_order_brand'))
        batch_op.drop_index('code_order_state')

    op.drop_table('code_order')
    with op.batch_alter_table('receiver', schema=None) as batch_op:
        batch_op.drop_index('receiver_name')

    op.drop_table('receiver')
