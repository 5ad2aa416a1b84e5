"""Who knows the passphrase of a package"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('code_package', schema=None) as batch_op:
        batch_op.add_column(sa.Column('told', sa.JSON(), nullable=False, server_default='[]'))


def downgrade() -> None:
    with op.batch_alter_table('code_package', schema=None) as batch_op:
        batch_op.drop_column('told')
