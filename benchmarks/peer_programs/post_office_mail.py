"""django-post_office: a row a message in PostgreSQL. Stores: the message, its state and a log entry each.

``python post_office_mail.py schema``, ``put COUNT SIZE`` (by ``send_many``) or ``work PROCESSES`` (until nothing is left).
"""

from __future__ import annotations

import os
import sys
from urllib.parse import urlsplit

import django
from django.conf import settings

_PARTS = urlsplit(os.environ["PEER_DATABASE_URL"])
settings.configure(
    SECRET_KEY="of a benchmark",
    USE_TZ=True,
    INSTALLED_APPS=["django.contrib.contenttypes", "post_office"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _PARTS.path.lstrip("/"),
            "USER": _PARTS.username,
            "PASSWORD": _PARTS.password or "",
            "HOST": os.environ["PEER_DATABASE_HOST"],
            "PORT": os.environ["PEER_DATABASE_PORT"],
        }
    },
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    EMAIL_HOST="127.0.0.1",
    EMAIL_PORT=int(os.environ["PEER_SMTP_PORT"]),
    TEMPLATES=[
        {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True},
        {"BACKEND": "post_office.template.backends.post_office.PostOfficeTemplates", "APP_DIRS": True},
    ],
    POST_OFFICE={"BACKENDS": {"default": "django.core.mail.backends.smtp.EmailBackend"}, "BATCH_SIZE": 1000},
)
django.setup()


def main() -> None:
    """Do what the first argument says."""
    from django.core.management import call_command
    from django.db import connection
    from letters import SENDER, SUBJECT, body_of, recipient_of
    from post_office import mail
    from post_office.mail import send_queued

    if sys.argv[1] == "schema":
        call_command("migrate", verbosity=0)
    elif sys.argv[1] == "put":
        count, size = int(sys.argv[2]), int(sys.argv[3])
        for start in range(0, count, 1000):
            mail.send_many(
                [
                    {
                        "sender": SENDER,
                        "recipients": [recipient_of(number)],
                        "subject": SUBJECT,
                        "message": body_of(number, size),
                    }
                    for number in range(start, min(start + 1000, count))
                ]
            )
    else:
        while sum(send_queued(processes=int(sys.argv[2]))[:2]):
            # Its processes were forked with this connection, and have ended it.
            connection.close()


if __name__ == "__main__":
    main()
