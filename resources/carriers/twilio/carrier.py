"""What Twilio is to the rest of the product."""

from __future__ import annotations

from nightmail.carriers.descriptors import AdapterDescriptor, CarrierDescriptor, Support
from nightmail.carriers.protocol import Carrier, CarrierSettings
from nightmail.channels import SMS, VOICE
from resources.carriers.twilio.errors import ERRORS
from resources.carriers.twilio.paths import NAME
from resources.carriers.twilio.webhooks import ROUTES

_API_KEY = "an API key (`SK...`) to sign in with: `secret` is then the key's, and `webhook_secret` the auth token"
_PROXY = "`http://user:password@proxy.example.com:3128`: a tunnel; proxies of the environment are not used"


def _sms(settings: CarrierSettings) -> Carrier:
    from resources.carriers.twilio.sms import TwilioSms

    return TwilioSms(settings)


def _voice(settings: CarrierSettings) -> Carrier:
    from resources.carriers.twilio.voice import TwilioVoice

    return TwilioVoice(settings)


CARRIER = CarrierDescriptor(
    name=NAME,
    label="Twilio",
    adapters=(
        AdapterDescriptor(
            channel=SMS,
            build=_sms,
            receipts_by_webhook=Support.YES,
            receipts_by_polling=Support.YES,
            replies_by_webhook=Support.YES,
            replies_by_polling=Support.YES,
            records=Support.YES,
            options={"api_key": _API_KEY, "proxy": _PROXY},
        ),
        AdapterDescriptor(
            channel=VOICE,
            build=_voice,
            receipts_by_webhook=Support.YES,
            receipts_by_polling=Support.YES,
            replies_by_webhook=Support.YES,
            records=Support.YES,
            options={
                "api_key": _API_KEY,
                "machine_detection": "`DetectMessageEnd` (waits for a machine's tone, so that it records the whole text; "
                "the default), `Enable` (quicker) or `off`",
                "proxy": _PROXY,
                "ring_s": "seconds of ringing before it counts as no answer (30)",
            },
        ),
    ),
    errors=ERRORS,
    settings={
        "account": "the account SID (`AC...`)",
        "secret": "the auth token, or the secret of `options.api_key`",
        "webhook_secret": "the auth token, where `secret` is another; webhooks are signed with it",
        "base_url": "the region: `https://api.twilio.com` (the default), `https://api.dublin.ie1.twilio.com`, ...; the token is the region's",
    },
    webhooks=ROUTES,
    signs_with_secret=True,
    modules=("twilio.rest", "twilio.rest.api.v2010.account.call", "twilio.rest.api.v2010.account.message"),
)
