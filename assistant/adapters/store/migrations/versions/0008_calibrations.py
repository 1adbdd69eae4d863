"""calibrations, and the features of drafts that they are watched by"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('calibration',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('tenant', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('in_force', sa.Boolean(), nullable=False),
    sa.Column('record', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_calibration'))
    )
    op.create_index('ix_calibration_tenant', 'calibration', ['tenant'], unique=False)
    op.add_column('draft', sa.Column('features', sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column('draft', 'features')
    op.drop_index('ix_calibration_tenant', table_name='calibration')
    op.drop_table('calibration')
