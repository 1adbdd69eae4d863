"""The schema. A change here needs a migration beside it; a test compares the two."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, DateTime, ForeignKey, Index, LargeBinary, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSON,
        list[Any]: JSON,
        str: Text,
    }


class DocumentRow(Base):
    """A document by its stable key. ``version_id`` is the version in use; deleting only sets ``deleted_at``.

    ``copy_of`` is the key of the document that is published in its place.
    """

    __tablename__ = "document"
    __table_args__ = (UniqueConstraint("tenant", "key"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64), index=True)
    key: Mapped[str]
    audience: Mapped[str] = mapped_column(String(16))
    version_id: Mapped[str] = mapped_column(String(32))
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    standing: Mapped[str] = mapped_column(String(16), default="current", server_default="current")
    copy_of: Mapped[str | None]


class VersionRow(Base):
    """The content of a document at one time. ``fingerprint`` covers content, chunker and audience.

    ``modified_at`` is what its source says; the sketches tell whether it is like another.
    """

    __tablename__ = "document_version"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("document.id"), index=True)
    sha256: Mapped[str] = mapped_column(String(64))
    fingerprint: Mapped[str] = mapped_column(String(64))
    title: Mapped[str]
    url: Mapped[str]
    media_type: Mapped[str] = mapped_column(String(100))
    language: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[datetime]
    modified_at: Mapped[datetime | None]
    title_sketch: Mapped[str] = mapped_column(String(64), default="", server_default="")
    word_sketch: Mapped[bytes | None] = mapped_column(LargeBinary)


class ChunkRow(Base):
    """A chunk of a version. ``id`` follows from content and place, so the same text keeps its id."""

    __tablename__ = "chunk"
    version_id: Mapped[str] = mapped_column(ForeignKey("document_version.id"), primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(String(32), index=True)
    heading_path: Mapped[list[Any]]
    url: Mapped[str]
    text: Mapped[str]
    tokens: Mapped[int]
    vector_key: Mapped[str] = mapped_column(String(64))


class VectorRow(Base):
    """A vector by what was embedded and by what: equal text is embedded once. Little-endian float32."""

    __tablename__ = "embedding"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    embedder_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    values: Mapped[bytes] = mapped_column(LargeBinary)


class TicketRow(Base):
    """A ticket as it was answered, redacted."""

    __tablename__ = "ticket"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64), index=True)
    external_id: Mapped[str | None] = mapped_column(String(200), index=True)
    subject: Mapped[str]
    language: Mapped[str] = mapped_column(String(8))
    messages: Mapped[list[Any]]
    created_at: Mapped[datetime]


class RunRow(Base):
    """One pass of the pipeline; ``record`` is the whole Run, the columns are for finding it."""

    __tablename__ = "run"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64), index=True)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("ticket.id"), index=True)
    created_at: Mapped[datetime]
    manifest: Mapped[dict[str, Any]]
    record: Mapped[dict[str, Any]]


class DraftRow(Base):
    """``features`` are kept of the first draft of a run that stood: what a calibration is watched by."""

    __tablename__ = "draft"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("run.id"), index=True)
    tier: Mapped[str] = mapped_column(String(16))
    model_sha256: Mapped[str] = mapped_column(String(64))
    text: Mapped[str]
    accepted: Mapped[bool]
    features: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class DecisionRow(Base):
    __tablename__ = "decision"
    run_id: Mapped[str] = mapped_column(ForeignKey("run.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), index=True)
    reasons: Mapped[list[Any]]


class HandoffRow(Base):
    __tablename__ = "handoff"
    run_id: Mapped[str] = mapped_column(ForeignKey("run.id"), primary_key=True)
    reasons: Mapped[list[Any]]
    summary: Mapped[str]
    passage_ids: Mapped[list[Any]]
    tried: Mapped[list[Any]]


class FeedbackRow(Base):
    __tablename__ = "feedback"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("run.id"), index=True)
    verdict: Mapped[str] = mapped_column(String(16))
    comment: Mapped[str]
    sent_text: Mapped[str]
    agent: Mapped[str] = mapped_column(String(100), server_default="")
    reason: Mapped[str | None] = mapped_column(String(16))
    similarity: Mapped[float | None]
    edits: Mapped[int | None]
    cited: Mapped[int | None]
    kept: Mapped[list[Any] | None]
    created_at: Mapped[datetime]


class ApiKeyRow(Base):
    """A key by the SHA-256 of its secret; the secret itself is shown once and not kept."""

    __tablename__ = "api_key"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    prefix: Mapped[str] = mapped_column(String(16))
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    tenant: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(100))
    scopes: Mapped[list[Any]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class UploadRow(Base):
    """A document as it was sent, kept until its job has ingested it."""

    __tablename__ = "upload"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64))
    name: Mapped[str]
    url: Mapped[str]
    audience: Mapped[str] = mapped_column(String(16))
    data: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]


class JobRow(Base):
    """Work for later. ``lease_until`` guards a running job; ``attempt`` fences a worker that lost it."""

    __tablename__ = "job"
    __table_args__ = (Index("ix_job_state_due", "state", "due_at"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str]
    state: Mapped[str] = mapped_column(String(16))
    attempt: Mapped[int]
    strikes: Mapped[int] = mapped_column(server_default="0")
    detail: Mapped[str]
    due_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class InboxRow(Base):
    """A webhook that says something happened at a ticket, once however often it was delivered."""

    __tablename__ = "inbox"
    __table_args__ = (UniqueConstraint("connection", "delivery_id"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    connection: Mapped[str] = mapped_column(String(40))
    delivery_id: Mapped[str] = mapped_column(String(200))
    notice: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class LetterRow(Base):
    """What a run leaves at a ticket. ``key`` stands in the note itself, so that it is never written twice."""

    __tablename__ = "letter"
    __table_args__ = (Index("ix_letter_ticket", "tenant", "connection", "ticket_id"),)
    key: Mapped[str] = mapped_column(String(40), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64))
    connection: Mapped[str] = mapped_column(String(40))
    ticket_id: Mapped[str] = mapped_column(String(200))
    run_id: Mapped[str] = mapped_column(ForeignKey("run.id"))
    job_id: Mapped[str] = mapped_column(String(32))
    writing: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16))
    external_id: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class OutgoingEventRow(Base):
    """An event for one receiver; the job that sends it is queued with it."""

    __tablename__ = "outgoing_event"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64))
    receiver: Mapped[str] = mapped_column(String(40))
    type: Mapped[str] = mapped_column(String(40))
    data: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class BatchRow(Base):
    """A batch of tickets to summarise. ``idempotency_key`` makes creating it twice the same as once."""

    __tablename__ = "batch"
    __table_args__ = (UniqueConstraint("tenant", "idempotency_key"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64))
    idempotency_key: Mapped[str | None] = mapped_column(String(200))
    input_sha256: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    total: Mapped[int]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class BatchItemRow(Base):
    """A line of a batch. ``output`` is the finished line; ``tries`` counts how often work on it was begun."""

    __tablename__ = "batch_item"
    batch_id: Mapped[str] = mapped_column(ForeignKey("batch.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str]
    tries: Mapped[int]
    failed: Mapped[bool | None]
    output: Mapped[str | None]
    finished_at: Mapped[datetime | None]


class ArticleProposalRow(Base):
    """An article proposed for a gap; ``record`` is the whole ArticleProposal, the columns are for finding it."""

    __tablename__ = "article_proposal"
    __table_args__ = (Index("ix_article_proposal_tenant_state", "tenant", "state"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    record: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class CalibrationRow(Base):
    """``record`` is the whole Calibration. Of a tenant's one at most is in force."""

    __tablename__ = "calibration"
    __table_args__ = (Index("ix_calibration_tenant", "tenant"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    in_force: Mapped[bool]
    record: Mapped[dict[str, Any]]


class ScopeRow(Base):
    """What a tenant answers questions about. ``record`` is the whole ScopeFit; ``vectors`` are its examples, those in scope first,
    as little-endian float16.
    """

    __tablename__ = "scope"
    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(32))
    record: Mapped[dict[str, Any]]
    vectors: Mapped[bytes] = mapped_column(LargeBinary)
