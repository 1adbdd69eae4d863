"""What a tenant answers questions about, told by examples."""

from assistant.kernel.value import Value


class ScopeFit(Value):
    """From which score on a message is in scope, and what is known of that.

    ``inside`` and ``outside`` count the examples of what is in scope and of what is not. A message is out of scope whose score is below
    ``least``: of messages like the examples in scope at most a share of ``lost`` is. ``caught`` is the share of the examples out of scope
    that is told, each by all others; None where there are none. ``embedder`` is the SHA-256 of what made the vectors.
    """

    id: str
    tenant: str
    created_at: str
    embedder: str
    inside: int
    outside: int
    least: float
    lost: float
    caught: float | None
