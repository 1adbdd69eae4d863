"""the table of vectors has a name that pgvector's type does not have; databases made since have it from the beginning"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if sa.inspect(op.get_bind()).has_table("vector"):
        op.rename_table("vector", "embedding")
        _rename_key("embedding", "pk_vector", "pk_embedding")


def downgrade() -> None:
    op.rename_table("embedding", "vector")
    _rename_key("vector", "pk_embedding", "pk_vector")


def _rename_key(table: str, before: str, after: str) -> None:
    """SQLite's keys have no names."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {before} TO {after}")
