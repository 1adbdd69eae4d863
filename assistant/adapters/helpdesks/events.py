"""EventSender: outgoing events by HTTP POST, signed by Standard Webhooks (https://www.standardwebhooks.com)."""

import json

import httpx2

from assistant.adapters.helpdesks.signing import sign
from assistant.kernel.errors import HelpdeskUnavailable, InputError
from assistant.kernel.outgoing import OutgoingEvent, Receiver
from assistant.ports import Clock

TIMEOUT_S = 15.0


class WebhookSender:
    """Addresses come from the operator's connections file alone; redirects are not followed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._client = httpx2.Client(timeout=TIMEOUT_S, follow_redirects=False)

    def send(self, receiver: Receiver, event: OutgoingEvent) -> None:
        """Deliver once. Raises HelpdeskUnavailable when trying again may help, and InputError when it will not."""
        body = json.dumps(
            {"type": event.type, "timestamp": event.created_at, "data": event.data}, ensure_ascii=False
        ).encode()
        headers = sign(receiver.secret, event.id, self._clock.now(), body)
        try:
            response = self._client.post(
                receiver.url, content=body, headers={"Content-Type": "application/json", **headers}
            )
        except httpx2.TransportError as error:
            raise HelpdeskUnavailable(f"receiver {receiver.name!r} cannot be reached") from error
        if response.status_code < 300:
            return
        said = f"receiver {receiver.name!r} answered {response.status_code}"
        if response.status_code == 410:
            raise InputError(said, fix="It wants no more events: take it out of the connections file.")
        raise HelpdeskUnavailable(said, fix="Look at its log; the event is sent again.")
