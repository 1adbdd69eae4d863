"""feedback: who gave it, why a draft was discarded, and how far the sent text is from the draft"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("feedback", schema=None) as batch_op:
        batch_op.add_column(sa.Column("agent", sa.String(length=100), server_default="", nullable=False))
        batch_op.add_column(sa.Column("reason", sa.String(length=16), nullable=True))
        batch_op.add_column(sa.Column("similarity", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("edits", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("cited", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("kept", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("feedback", schema=None) as batch_op:
        for name in ("kept", "cited", "edits", "similarity", "reason", "agent"):
            batch_op.drop_column(name)
