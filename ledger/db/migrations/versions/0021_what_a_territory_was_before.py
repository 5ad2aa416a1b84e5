"""What a territory was before"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('profile', sa.Column('before', sa.JSON(), nullable=False, server_default='[]'))


def downgrade() -> None:
    op.drop_column('profile', 'before')
