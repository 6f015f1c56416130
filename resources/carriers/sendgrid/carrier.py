"""What SendGrid is to the rest of the product."""

from __future__ import annotations

from nightmail.carriers.descriptors import AdapterDescriptor, CarrierDescriptor, Support
from nightmail.carriers.protocol import Carrier, CarrierSettings
from nightmail.channels import EMAIL
from resources.carriers.sendgrid.errors import ERRORS
from resources.carriers.sendgrid.limits import MAXIMUM_RECIPIENTS
from resources.carriers.sendgrid.webhooks import ROUTES


def _email(settings: CarrierSettings) -> Carrier:
    from resources.carriers.sendgrid.email import SendGridEmail

    return SendGridEmail(settings)


CARRIER = CarrierDescriptor(
    name="sendgrid",
    label="SendGrid",
    adapters=(
        AdapterDescriptor(
            channel=EMAIL,
            build=_email,
            maximum_batch=MAXIMUM_RECIPIENTS,
            receipts_by_webhook=Support.YES,
            receipts_by_polling=Support.BY_OPTION,
            replies_by_webhook=Support.YES,
            records=Support.BY_OPTION,
            options={
                "activity": "`on` where the account has the Email Activity feed: it settles doubts and gives receipts where no "
                "webhook reaches us",
                "proxy": "`http://user:password@proxy.example.com:3128`: a tunnel; proxies of the environment are not used",
                "sandbox_mode": "`on`: SendGrid checks each request and sends nothing",
            },
        ),
    ),
    errors=ERRORS,
    settings={
        "secret": "an API key with Mail Send, and Messages Read for `options.activity`",
        "base_url": "the region: `https://api.sendgrid.com` (the default) or `https://api.eu.sendgrid.com`",
        "webhook_secret": "the verification key of the event webhook (Settings, Mail Settings, Event Webhook) and, after a "
        "blank, that of Inbound Parse's security policy",
    },
    webhooks=ROUTES,
    modules=("sendgrid",),
)
