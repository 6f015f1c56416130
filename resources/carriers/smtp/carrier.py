"""What an SMTP server is to the rest of the product."""

from __future__ import annotations

from nightmail.carriers.descriptors import AdapterDescriptor, CarrierDescriptor
from nightmail.carriers.mailboxes import Mailbox, MailboxSettings
from nightmail.carriers.protocol import Carrier, CarrierSettings
from nightmail.channels import EMAIL
from resources.carriers.smtp.errors import ERRORS


def _email(settings: CarrierSettings) -> Carrier:
    from resources.carriers.smtp.email import SmtpEmail

    return SmtpEmail(settings)


def _mailbox(settings: MailboxSettings) -> Mailbox:
    from resources.carriers.smtp.mailbox import ImapMailbox

    return ImapMailbox(settings)


CARRIER = CarrierDescriptor(
    name="smtp",
    label="SMTP",
    is_company=False,
    adapters=(AdapterDescriptor(channel=EMAIL, build=_email, mailbox=_mailbox),),
    errors=ERRORS,
    settings={
        "account": "the user name; empty for a server that asks for none",
        "secret": "the password",
        "base_url": "`smtp://mail.example.com:587` (STARTTLS required) or `smtps://mail.example.com:465`; required",
        "mailbox": "where answers and reports of delivery come in: `url`, `user`, `secret`, `folder` ([replies.md](replies.md))",
    },
)
