"""What Deskhand needs from the outside, each as a small Protocol.

Every port has an in-memory twin in ``adapters/memory``; one contract suite runs both.
"""

from assistant.ports.answering import Clock, Embedder, LanguageModel, OnToken, Reranker, Vectors
from assistant.ports.helpdesks import Correspondence, EventSender, Helpdesk, Outbox
from assistant.ports.keeping import (
    CalibrationStore,
    KeyStore,
    LessonReader,
    ProposalStore,
    RunStore,
    ScopeStore,
    Transactions,
    UploadStore,
)
from assistant.ports.searching import (
    DocumentStore,
    ExactVectors,
    FindCopies,
    Forbidden,
    IndexChange,
    IndexReader,
    IndexWriter,
    Snapshot,
    nothing_forbidden,
)
from assistant.ports.working import BatchStore, JobBoard, JobQueue, JobStore

__all__ = [
    "BatchStore",
    "CalibrationStore",
    "Clock",
    "Correspondence",
    "DocumentStore",
    "Embedder",
    "EventSender",
    "ExactVectors",
    "FindCopies",
    "Forbidden",
    "Helpdesk",
    "IndexChange",
    "IndexReader",
    "IndexWriter",
    "JobBoard",
    "JobQueue",
    "JobStore",
    "KeyStore",
    "LanguageModel",
    "LessonReader",
    "OnToken",
    "Outbox",
    "ProposalStore",
    "Reranker",
    "RunStore",
    "ScopeStore",
    "Snapshot",
    "Transactions",
    "UploadStore",
    "Vectors",
    "nothing_forbidden",
]
