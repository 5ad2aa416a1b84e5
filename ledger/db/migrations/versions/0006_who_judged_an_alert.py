"""Who judged an alert"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('alert', schema=None) as batch_op:
        batch_op.add_column(sa.Column('judged_by', sa.Text(), nullable=True))
        batch_op.create_index('alert_state', ['brand', 'state', 'id'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('alert', schema=None) as batch_op:
        batch_op.drop_index('alert_state')
        batch_op.drop_column('judged_by')
