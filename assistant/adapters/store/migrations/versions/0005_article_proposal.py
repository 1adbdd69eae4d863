"""articles proposed for what the knowledge base lacks"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('article_proposal',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('tenant', sa.String(length=64), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('record', sa.JSON(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_article_proposal'))
    )
    op.create_index('ix_article_proposal_tenant_state', 'article_proposal', ['tenant', 'state'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_article_proposal_tenant_state', table_name='article_proposal')
    op.drop_table('article_proposal')
