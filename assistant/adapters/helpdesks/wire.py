"""What helpdesks' JSON has in common: numbers or strings as ids, nulls anywhere, fields nobody asked for.

Wire models take what they need and let the rest pass, because vendors add fields without notice. What they
need and cannot find is an InputError that names the field.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, WrapValidator

from assistant.kernel.errors import ConfigurationError, InputError
from assistant.kernel.helpdesks import Connection, Delivery, Entry, Notice

MAX_ENTRIES = 500
"""Of a longer ticket the newest are read: a conversation holds no more, see MAX_MESSAGES."""
MAX_DELIVERY_BYTES = 5_000_000
_ID = re.compile(r"[0-9]{1,20}")
_PLAIN_HEADER = re.compile(r"[!-~]{1,120}")
_LONE_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def _number(value: object) -> str:
    text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not _ID.fullmatch(text):
        raise ValueError("expected a number")
    return text


def _name(value: object) -> object:
    """A party is told by its name, or as an object with one."""
    if isinstance(value, dict):
        return next((value[key] for key in ("login", "email", "name") if value.get(key)), "")
    return "" if value is None else value


def _forgiving(value: object, parse: Any) -> object:
    try:
        return parse(value)
    except ValueError:
        return None


Id = Annotated[str, BeforeValidator(_number)]
"""A vendor's number of something, given as an int or a string."""
Label = Annotated[str, BeforeValidator(lambda value: str(value) if type(value) is int else value)]
"""An identifier of any form."""
Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
Name = Annotated[str, BeforeValidator(_name)]
When = Annotated[datetime | None, WrapValidator(_forgiving)]
"""ISO 8601 or seconds since 1970; None for what is neither, since no decision hangs on it."""
none_is_empty = BeforeValidator(lambda value: () if value is None else value)
nothing_is_none = BeforeValidator(lambda value: value or None)


class Wire(BaseModel):
    """A part of a vendor's JSON."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, populate_by_name=True)


Model = TypeVar("Model", bound=Wire)


class Named(Wire):
    """A group, team or user."""

    id: Id
    name: Text = ""


def load_json(raw: bytes) -> Any:
    """JSON in UTF-8. Half surrogate pairs become question marks: no database takes them. Raises ValueError."""
    try:
        value = json.loads(raw.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if _LONE_SURROGATE.search(raw):
        value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    return value


def as_wire(model: type[Model], value: object, what: str) -> Model:
    """``value`` as ``model``. Raises InputError naming the first field that is not as expected."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "body"
        raise InputError(f"{what}: {field}: {first['msg']}", field=field) from None


def as_wires(model: type[Model], values: object, what: str) -> list[Model]:
    """A list of them."""
    if not isinstance(values, list):
        raise InputError(f"{what}: expected a list")
    return [as_wire(model, value, what) for value in values]


def posted_json(delivery: Delivery, what: str) -> dict[str, Any]:
    """The object a webhook's body holds. Raises InputError."""
    if len(delivery.body) > MAX_DELIVERY_BYTES:
        raise InputError(f"{what} has more than {MAX_DELIVERY_BYTES} bytes", field="body")
    try:
        value = load_json(delivery.body)
    except ValueError:
        raise InputError(f"{what} is not JSON in UTF-8", field="body") from None
    if not isinstance(value, dict):
        raise InputError(f"{what} is not a JSON object", field="body")
    return value


def check_id(ticket_id: str, vendor: str) -> str:
    """``ticket_id`` if it is a number and may stand in an address. Raises InputError."""
    if not _ID.fullmatch(ticket_id):
        raise InputError(f"{vendor} numbers its tickets, and this is no number: {ticket_id[:40]!r}", field="ticket_id")
    return ticket_id


def delivery_id(delivery: Delivery, header: str) -> str:
    """The id the helpdesk gave this delivery, or a hash of the body where it gave none that can be kept."""
    given = delivery.headers.get(header, "")
    return given if _PLAIN_HEADER.fullmatch(given) else hashlib.sha256(delivery.body).hexdigest()


def nothing(delivery: str, ticket_id: str, why: str) -> Notice:
    """There is nothing to do, and why."""
    return Notice(delivery_id=delivery, ticket_id=ticket_id, about="nothing", why=why)


def newest_entries(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Oldest first, at most MAX_ENTRIES, and by number where the times are equal or unknown."""
    start = datetime.min.replace(tzinfo=UTC)

    def place(entry: Entry) -> tuple[datetime, int]:
        at = entry.at or start
        number = int(entry.id) if entry.id.isdecimal() else 0
        return (at if at.tzinfo else at.replace(tzinfo=UTC), number)

    return tuple(sorted(entries, key=place)[-MAX_ENTRIES:])


def id_of(wanted: str, known: Iterable[Named], connection: Connection) -> str:
    """The id of the group or team with this name; digits are an id already. Raises ConfigurationError."""
    if _ID.fullmatch(wanted):
        return wanted
    for named in known:
        if named.name.casefold() == wanted.casefold():
            return named.id
    raise ConfigurationError(
        f"helpdesk {connection.name!r} has no group {wanted!r} that the token's user can see",
        fix="Give handoff_group in the connections file the name or number of a group there.",
    )


def missing_tags(wanted: Iterable[str], present: Iterable[str]) -> tuple[str, ...]:
    """The wanted tags that are not there yet, whatever their case."""
    there = {tag.casefold() for tag in present}
    return tuple(dict.fromkeys(tag for tag in wanted if tag.casefold() not in there))
