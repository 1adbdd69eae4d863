"""Fills a new site: two queues, the account Deskhand uses, and an agent with a browser."""

import secrets
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.sites.models import Site
from helpdesk.models import Queue

DESKHAND, AGENT = "deskhand", "joanna"


@dataclass(frozen=True)
class Passwords:
    deskhand: str
    agent: str


def seed(address: str) -> Passwords:
    """``address`` is host:port as links in mail show it. May be repeated; the passwords are new each time."""
    Site.objects.update_or_create(id=settings.SITE_ID, defaults={"domain": address, "name": "Fernhill Coffee"})
    mailbox = settings.DATA / "mailbox"
    mailbox.mkdir(exist_ok=True)
    Queue.objects.update_or_create(
        slug="coffee",
        defaults={
            "title": "Coffee support",
            "email_address": "support@fernhill.example",
            "allow_public_submission": True,
            "allow_email_submission": True,
            "enable_notifications_on_email_events": True,  # Whoever stands in Cc is told of every change.
            "email_box_type": "local",
            "email_box_local_dir": str(mailbox),
            "email_box_interval": 0,
        },
    )
    Queue.objects.update_or_create(slug="people", defaults={"title": "People"})
    return Passwords(deskhand=_staff(DESKHAND, "Deskhand"), agent=_staff(AGENT, "Joanna"))


def _staff(username: str, first_name: str) -> str:
    """A user who may work on every ticket; neither is a superuser. The new password."""
    password = secrets.token_urlsafe(12)
    user, _ = get_user_model().objects.get_or_create(username=username)
    user.first_name, user.email, user.is_staff = first_name, f"{username}@fernhill.example", True
    user.set_password(password)
    user.save()
    return password
