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


def downgrade() -> None:
    pass
