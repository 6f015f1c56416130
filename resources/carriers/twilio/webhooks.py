"""What Twilio posts to us: statuses of messages and calls, texts from recipients, keys pressed in calls.

The message's id is in the query of the address that Twilio calls, and is signed with it. Answers are TwiML where
Twilio reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from nightmail.carriers.protocol import Receipt
from nightmail.carriers.webhooks import (
    WebhookAnswer,
    WebhookContent,
    WebhookRequest,
    WebhookRoute,
    WebhookSecret,
    accounts_that_signed,
    with_keys_for,
)
from resources.carriers.twilio import paths
from resources.carriers.twilio.callbacks import call_status_receipt, inbound_sms, message_status, pressed_key
from resources.carriers.twilio.forms import Accounts, form_fields, message_id_in
from resources.carriers.twilio.signatures import SIGNATURE_HEADER, signature_fits

_EMPTY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
_HANG_UP = '<?xml version="1.0" encoding="UTF-8"?><Response><Hangup/></Response>'

Form = Mapping[str, str]


def twiml(document: str | None) -> WebhookAnswer:
    """The answer with which a call goes on; without a document it ends."""
    said = with_keys_for(document, paths.NAME) if document else _HANG_UP
    return WebhookAnswer(200, said.encode(), "text/xml; charset=utf-8")


def _route(path: str, purpose: str, content: Callable[[Form, str | None, Accounts], WebhookContent]) -> WebhookRoute:
    def read(request: WebhookRequest, secrets: Sequence[WebhookSecret]) -> WebhookContent | None:
        try:
            form = form_fields(request.body)
            message_id = message_id_in(request.query)
        except ValueError as error:
            raise ValueError("the body is not a form") from error
        accounts = _proved(request, form, secrets)
        if not accounts:
            return None
        said = {name: values[0].replace("\x00", "") for name, values in form.items()}
        return content(said, message_id, accounts)

    return WebhookRoute(path, purpose, read, twiml if path == paths.KEYS else None)


def _proved(
    request: WebhookRequest, form: Mapping[str, Sequence[str]], secrets: Sequence[WebhookSecret]
) -> frozenset[int]:
    """The accounts whose secret signed the request; several where they share one, such as those of texts and calls."""
    signature = request.headers.get(SIGNATURE_HEADER.lower())
    if not signature:
        return frozenset()
    account = form.get("AccountSid", [""])[0]
    # A signature costs more to compute than the form to read: the account that signs as a rule goes first.
    likeliest_first = sorted(secrets, key=lambda known: known.account != account)
    return accounts_that_signed(likeliest_first, lambda secret: signature_fits(secret, request.url, form, signature))


def _with(receipt: Receipt | None, accounts: Accounts) -> WebhookContent:
    return WebhookContent(receipts=() if receipt is None else (receipt,), accounts=accounts)


def _text(form: Form, _message_id: str | None, accounts: Accounts) -> WebhookContent:
    answer = WebhookAnswer(200, _EMPTY.encode(), "text/xml; charset=utf-8")
    return WebhookContent(replies=(inbound_sms(form),), answer=answer, accounts=accounts)


def _key(form: Form, message_id: str | None, accounts: Accounts) -> WebhookContent:
    return WebhookContent(key_press=pressed_key(form, message_id), answer=twiml(None), accounts=accounts)


ROUTES = (
    _route(
        paths.MESSAGE_STATUS,
        "the status of an SMS; `?message_id=`",
        lambda form, name, accounts: _with(message_status(form, name, accounts=accounts), accounts),
    ),
    _route(
        paths.CALL_STATUS,
        "the status of a call, its duration, person or machine; `?message_id=`",
        lambda form, name, accounts: _with(call_status_receipt(form, name, accounts=accounts), accounts),
    ),
    _route(paths.INBOUND_SMS, "an SMS from a recipient", _text),
    _route(paths.KEYS, "a key pressed in a call; `?message_id=`; answered with what the call says next", _key),
)
