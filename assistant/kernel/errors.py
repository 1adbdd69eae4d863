"""Every error Deskhand raises on purpose, drawn once.

The branch says what the caller should do; the message names the thing, what was expected and the fix.
No message ever holds a ticket's text or a secret.

    DeskhandError
    ├── InputError            fix the input
    │   ├── UnreadableDocument    a document that cannot be parsed: which one, and why
    │   ├── NotFound              the named thing does not exist (for this tenant)
    │   └── PromptTooLong         the question alone exceeds the model's context
    ├── ConfigurationError    fix the configuration
    │   ├── ModelFileError        a model is missing, half there, or has the wrong hash
    │   ├── SnapshotMismatch      the index was built with another embedder, or is damaged
    │   └── DatabaseError         the database cannot be opened, or its schema is not current
    ├── RetryLater            nothing is wrong with the request; try again after ``retry_after_s``
    │   ├── Overloaded            the queue is full
    │   ├── TooMany               this caller tries too often
    │   ├── WriterBusy            another ingest is publishing for this tenant
    │   ├── HeldElsewhere         another job works on the same message
    │   ├── DiskFailed            a snapshot could not be written: the disk is full, or fails
    │   ├── ModelUnavailable      the model process died, hung, or its server does not answer
    │   │   └── ModelAway             nothing was tried: there is no process or server to ask
    │   └── HelpdeskUnavailable   a helpdesk or a receiver of events does not answer, or asks to wait
    ├── Stopped               the caller asked to stop, or its time ran out
    │   ├── DeadlineExceeded
    │   ├── Cancelled
    │   └── LeaseLost             another worker has taken over the job; nothing was changed
    └── Refused               the key is missing, unknown, expired or lacks the scope
"""


class DeskhandError(Exception):
    """Base. ``fix`` is one sentence that tells the reader what to do."""

    code = "error"

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.fix = fix


class InputError(DeskhandError):
    code = "invalid_input"

    def __init__(self, message: str, *, fix: str = "", field: str = "") -> None:
        super().__init__(message, fix=fix)
        self.field = field


class UnreadableDocument(InputError):
    code = "unreadable_document"


class NotFound(InputError):
    code = "not_found"


class PromptTooLong(InputError):
    code = "prompt_too_long"


class ConfigurationError(DeskhandError):
    code = "configuration"


class ModelFileError(ConfigurationError):
    code = "model_file"


class SnapshotMismatch(ConfigurationError):
    code = "snapshot_mismatch"


class DatabaseError(ConfigurationError):
    code = "database"


class RetryLater(DeskhandError):
    code = "retry_later"

    def __init__(self, message: str, *, fix: str = "", retry_after_s: float = 5.0) -> None:
        super().__init__(message, fix=fix)
        self.retry_after_s = retry_after_s


class Overloaded(RetryLater):
    code = "overloaded"


class TooMany(RetryLater):
    code = "too_many"


class WriterBusy(RetryLater):
    code = "writer_busy"


class HeldElsewhere(RetryLater):
    code = "held_elsewhere"


class DiskFailed(RetryLater):
    code = "disk_failed"


class ModelUnavailable(RetryLater):
    code = "model_unavailable"


class ModelAway(ModelUnavailable):
    code = "model_away"


class HelpdeskUnavailable(RetryLater):
    code = "helpdesk_unavailable"


class Stopped(DeskhandError):
    code = "stopped"


class DeadlineExceeded(Stopped):
    code = "deadline_exceeded"


class Cancelled(Stopped):
    code = "cancelled"


class LeaseLost(Stopped):
    code = "lease_lost"


class Refused(DeskhandError):
    code = "refused"

    def __init__(self, message: str, *, fix: str = "", missing_scope: str = "") -> None:
        super().__init__(message, fix=fix)
        self.missing_scope = missing_scope
