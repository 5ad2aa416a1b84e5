"""What lies in units, kept in a few bytes; boxes that lines have closed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger.domain.contents import Codes, Part, encode

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    with op.batch_alter_table('unit_name', schema=None) as batch_op:
        batch_op.add_column(sa.Column('number', NUMBER, nullable=True))
        batch_op.add_column(sa.Column('origin', NUMBER, nullable=True))
        batch_op.add_column(sa.Column('contents', sa.LargeBinary(), nullable=True))
    connection = op.get_bind()
    numbers = _numbered(connection)
    runs = _with_contents(connection)
    with op.batch_alter_table('unit_name', schema=None) as batch_op:
        batch_op.alter_column('number', existing_type=NUMBER, nullable=False)
        batch_op.create_unique_constraint('uq_unit_name_number', ['number'])
    with op.batch_alter_table('unit_run', schema=None) as batch_op:
        batch_op.drop_index('unit_run_codes')
    op.drop_table('unit_run')
    table = op.create_table('unit_run',
    sa.Column('batch', NUMBER, autoincrement=False, nullable=False),
    sa.Column('first', NUMBER, autoincrement=False, nullable=False),
    sa.Column('to', NUMBER, nullable=False),
    sa.Column('number', NUMBER, nullable=False),
    sa.PrimaryKeyConstraint('batch', 'first')
    )
    rows = {
        (run.batch, run.first): {'batch': run.batch, 'first': run.first, 'to': run.to, 'number': numbers[unit]}
        for unit, run in runs
    }
    if rows:
        connection.execute(sa.insert(table), list(rows.values()))
    op.create_table('unit_page',
    sa.Column('batch', NUMBER, autoincrement=False, nullable=False),
    sa.Column('page', NUMBER, autoincrement=False, nullable=False),
    sa.Column('units', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('batch', 'page')
    )
    op.create_table('unit_box',
    sa.Column('creator', NUMBER, autoincrement=False, nullable=False),
    sa.Column('first', NUMBER, autoincrement=False, nullable=False),
    sa.Column('to', NUMBER, nullable=False),
    sa.Column('number', NUMBER, nullable=False),
    sa.PrimaryKeyConstraint('creator', 'first')
    )
    op.create_table('line_box',
    sa.Column('actor', NUMBER, autoincrement=False, nullable=False),
    sa.Column('sscc', sa.Text(), nullable=False),
    sa.Column('contents', sa.LargeBinary(), nullable=False),
    sa.Column('lot', sa.Text(), nullable=True),
    sa.Column('created', NUMBER, nullable=False),
    sa.PrimaryKeyConstraint('actor', 'sscc')
    )
    op.create_table('line_run',
    sa.Column('batch', NUMBER, autoincrement=False, nullable=False),
    sa.Column('first', NUMBER, autoincrement=False, nullable=False),
    sa.Column('to', NUMBER, nullable=False),
    sa.Column('actor', NUMBER, nullable=False),
    sa.Column('sscc', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('batch', 'first')
    )
    with op.batch_alter_table('line_run', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_line_run_sscc'), ['sscc'], unique=False)
    op.create_table('packing_rule',
    sa.Column('brand', NUMBER, autoincrement=False, nullable=False),
    sa.Column('most', NUMBER, nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('rejects', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('brand')
    )


def _numbered(connection: sa.Connection) -> dict[bytes, int]:
    units = connection.execute(sa.text('SELECT id FROM unit_name ORDER BY id')).scalars().all()
    numbers = {bytes(unit): number for number, unit in enumerate(units, 1)}
    named = sa.text('UPDATE unit_name SET number = :number WHERE id = :id')
    for unit, number in numbers.items():
        connection.execute(named, {'number': number, 'id': unit})
    return numbers


def _with_contents(connection: sa.Connection) -> list[tuple[bytes, Codes]]:
    """Set the contents of every unit, each unit inside by its id; return all runs by their unit."""
    parts: dict[bytes, list[tuple[int, Part]]] = {}
    runs = []
    for unit, position, batch, first, to in connection.execute(
        sa.text('SELECT unit, position, batch, first, "to" FROM unit_run')
    ):
        run = Codes(batch, first, to)
        runs.append((bytes(unit), run))
        parts.setdefault(bytes(unit), []).append((position, run))
    for unit, position, child in connection.execute(
        sa.text('SELECT unit, position, child FROM unit_child')
    ):
        parts.setdefault(bytes(unit), []).append((position, bytes(child)))
    kept = sa.text('UPDATE unit_name SET contents = :contents WHERE id = :id')
    for unit, inside in parts.items():
        ordered = [part for _, part in sorted(inside, key=lambda one: one[0])]
        connection.execute(kept, {'contents': encode(ordered), 'id': unit})
    return runs


def downgrade() -> None:
    raise NotImplementedError('Boxes inside units cannot be told apart without the keys.')
