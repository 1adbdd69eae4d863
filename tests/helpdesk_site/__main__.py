"""Runs the site: ``python -m tests.helpdesk_site --port N --data DIR --webhook URL``.

When it is ready it prints one line of JSON: its address, and the users with their passwords. It ends when its
standard input ends. A line ``fetch-mail`` there makes it read its mailbox (DATA/mailbox) as its cron job would;
it answers with a line ``fetched``.
"""

import argparse
import json
import logging
import os
import sys
import threading
from pathlib import Path


def main() -> None:
    options = _options()
    options.data.mkdir(parents=True, exist_ok=True)
    os.environ["HELPDESK_SITE_DATA"] = str(options.data.resolve())
    os.environ["HELPDESK_SITE_SIDEBAR"] = options.sidebar
    os.environ["HELPDESK_SITE_MAIL_EVERYTHING"] = "yes" if options.mail_everything else ""
    os.environ["HELPDESK_NEW_TICKET_WEBHOOK_URLS"] = options.webhook
    os.environ["HELPDESK_FOLLOWUP_WEBHOOK_URLS"] = options.webhook
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.helpdesk_site.settings"
    _serve(options.port)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.helpdesk_site")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--data", type=Path, required=True, help="folder of database, mailbox and sent mail")
    parser.add_argument("--webhook", default="", help="where it tells of new tickets and follow-ups")
    parser.add_argument("--sidebar", default="", help="address of the page shown beside a ticket")
    parser.add_argument("--mail-everything", action="store_true", help="tell the customer of private changes too")
    return parser.parse_args()


def _serve(port: int) -> None:
    import django
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from waitress.server import create_server

    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # A browser asks for many files at once.
    django.setup(set_prefix=False)
    call_command("migrate", verbosity=0)
    from tests.helpdesk_site.seed import AGENT, DESKHAND, seed

    server = create_server(StaticFilesHandler(get_wsgi_application()), host="127.0.0.1", port=port, threads=4)
    address = f"127.0.0.1:{server.effective_port}"
    passwords = seed(address)
    threading.Thread(target=server.run, daemon=True).start()
    _say(
        json.dumps(
            {
                "url": f"http://{address}",
                "deskhand": {"user": DESKHAND, "password": passwords.deskhand},
                "agent": {"user": AGENT, "password": passwords.agent},
            }
        )
    )
    for line in sys.stdin:
        if line.strip() == "fetch-mail":
            call_command("get_email", quiet=True)
            _say("fetched")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
