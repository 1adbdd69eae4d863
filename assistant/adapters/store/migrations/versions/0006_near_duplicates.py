"""dates, near-duplicates and standing of documents"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("document", sa.Column("standing", sa.String(16), server_default="current", nullable=False))
    op.add_column("document", sa.Column("copy_of", sa.Text(), nullable=True))
    op.add_column("document_version", sa.Column("modified_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("document_version", sa.Column("title_sketch", sa.String(64), server_default="", nullable=False))
    op.add_column("document_version", sa.Column("word_sketch", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    for table, columns in {
        "document_version": ("word_sketch", "title_sketch", "modified_at"),
        "document": ("copy_of", "standing"),
    }.items():
        with op.batch_alter_table(table) as batch_op:
            for column in columns:
                batch_op.drop_column(column)
