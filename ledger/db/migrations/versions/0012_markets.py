"""Markets, which used to be the terms of a rule of the kind out_of_market"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('market',
    sa.Column('brand', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('number', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('regions', sa.JSON(), nullable=False),
    sa.Column('free', sa.Boolean(), nullable=False),
    sa.Column('tells', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('brand', 'number')
    )
    connection = op.get_bind()
    old = connection.execute(
        sa.text("SELECT id, brand, name, terms FROM alert_rule WHERE kind = 'out_of_market' ORDER BY id")
    ).all()
    known = set()
    for number, brand, name, told in old:
        terms = json.loads(told) if isinstance(told, str) else told
        if (brand, terms['market']) not in known:
            known.add((brand, terms['market']))
            connection.execute(
                sa.text('INSERT INTO market VALUES (:brand, :number, :name, :regions, :free, :tells)'),
                {
                    'brand': brand,
                    'number': terms['market'],
                    'name': name,
                    'regions': json.dumps(terms['regions']),
                    'free': False,
                    'tells': False,
                },
            )
        connection.execute(sa.text('DELETE FROM alert_rule WHERE id = :id'), {'id': number})


def downgrade() -> None:
    op.drop_table('market')
