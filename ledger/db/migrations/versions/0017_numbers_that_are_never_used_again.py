"""Numbers that are never used again; deliveries belong to a brand and name their message"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None

# A table whose rows are deleted, and the numbers of its rows that are named elsewhere: above the
# highest of them it goes on, also where the row itself is gone.
NAMED = {
    'webhook': (
        'SELECT max(id) FROM webhook',
        'SELECT max(webhook) FROM delivery',
        "SELECT max(json_extract(detail, '$.webhook')) FROM audit",
    ),
    'alert_rule': (
        'SELECT max(id) FROM alert_rule',
        'SELECT max(rule) FROM alert',
        'SELECT max(rule) FROM rule_hit',
        "SELECT max(json_extract(detail, '$.rule')) FROM audit WHERE what LIKE 'rule %'",
    ),
}
# A webhook of the installation gets every brand's entries. Where a number was used again, what was
# sent before belongs to the brand that it tells of.
BELONGS = sa.text(
    "UPDATE delivery SET message = 'msg_' || change, brand = coalesce(("
    'SELECT CASE WHEN webhook.brand = 0 THEN 0 ELSE alert_change.brand END '
    'FROM alert_change LEFT JOIN webhook ON webhook.id = delivery.webhook '
    'WHERE alert_change.id = delivery.change), 0)'
)


def upgrade() -> None:
    with op.batch_alter_table('delivery', schema=None) as batch_op:
        batch_op.add_column(sa.Column('brand', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))
        batch_op.add_column(sa.Column('message', sa.String(length=64), nullable=True))
    op.execute(BELONGS)
    with op.batch_alter_table('delivery', schema=None) as batch_op:
        batch_op.alter_column('brand', existing_type=sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False)
        batch_op.alter_column('message', existing_type=sa.String(length=64), nullable=False)
        batch_op.drop_index('delivery_due')
        batch_op.create_index('delivery_next', ['webhook', 'state', 'due', 'id'], unique=False)
    with op.batch_alter_table('rule_hit', schema=None) as batch_op:
        batch_op.create_index('rule_hit_time', ['rule', 'time'], unique=False)
    _number(again=False)
    op.execute(sa.text('DELETE FROM rule_hit WHERE rule NOT IN (SELECT id FROM alert_rule)'))


def downgrade() -> None:
    _number(again=True)
    with op.batch_alter_table('rule_hit', schema=None) as batch_op:
        batch_op.drop_index('rule_hit_time')
    with op.batch_alter_table('delivery', schema=None) as batch_op:
        batch_op.drop_index('delivery_next')
        batch_op.create_index('delivery_due', ['state', 'due'], unique=False)
        batch_op.drop_column('message')
        batch_op.drop_column('brand')


def _number(*, again: bool) -> None:
    """Let numbers of deleted rows be given out again, or never. A sequence never gives them out."""
    connection = op.get_bind()
    if connection.dialect.name != 'sqlite':
        return
    for table, named in NAMED.items():
        kept = max(connection.scalar(sa.text(query)) or 0 for query in named)
        with op.batch_alter_table(
            table, recreate='always', table_kwargs={'sqlite_autoincrement': not again}
        ):
            pass
        if not again:
            connection.execute(sa.text('DELETE FROM sqlite_sequence WHERE name = :table'), {'table': table})
            connection.execute(
                sa.text('INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :kept)'),
                {'table': table, 'kept': kept},
            )
