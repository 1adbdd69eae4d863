"""Which team a handoff is proposed to: the one whose examples the question is nearest to."""

from collections.abc import Sequence
from functools import cached_property

from assistant.kernel.helpdesks import Team
from assistant.learning.scope import near
from assistant.ports import Embedder, Vectors

LEAST = 0.3
"""Mean cosine of the nearest examples below which no team is proposed."""


class Teams:
    """The teams of all tenants. Their examples are embedded when the first handoff asks."""

    def __init__(self, teams: Sequence[Team], embedder: Embedder) -> None:
        self._teams, self._embedder = teams, embedder

    def propose(self, tenant: str, message: str) -> str:
        """The name of the nearest team of this tenant, or nothing where none is near, or there is none."""
        mine = [(team.name, vectors) for team, vectors in self._examples if team.tenant == tenant]
        if not mine or not message.strip():
            return ""
        asked = self._embedder.embed([message])
        nearness, name = max((float(near(asked, vectors)[0]), name) for name, vectors in mine)
        return name if nearness >= LEAST else ""

    @cached_property
    def _examples(self) -> list[tuple[Team, Vectors]]:
        return [(team, self._embedder.embed(team.about)) for team in self._teams]
