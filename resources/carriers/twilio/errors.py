"""Twilio's error codes.

Source: the "Error and Warning Dictionary", one page a code, ``https://www.twilio.com/docs/api/errors/<code>``, all of it
as ``/docs/api/errors/twilio-error-codes.json``. HTTP 429 is never processed and safe to retry: the page of 20429. The
pages are not dated throughout, so no line has a date. What they leave open is in ``docs/error-codes.md``.
"""

from __future__ import annotations

from nightmail.carriers.error_tables import ErrorClass, ErrorScope, ErrorTable, SuppressionReason
from nightmail.carriers.error_tables import error_entry as line

_ADDRESS = ErrorClass.PERMANENT_ADDRESS
_SUPPRESS = ErrorClass.SUPPRESS
_MESSAGE = ErrorClass.PERMANENT_MESSAGE
_LATER = ErrorClass.RETRY_LATER
_STOP = ErrorClass.STOP_AND_ALERT
_DOUBT = ErrorClass.IN_DOUBT
_SENDER = ErrorScope.SENDER
_OPTED_OUT = SuppressionReason.OPTED_OUT

ERRORS = ErrorTable(
    "2026-11-25.1",
    (
        # The account and the request, whatever is sent: /docs/api/errors/10001 to 20504
        line("10001", _STOP, "the account is disabled: no funds, or a breach of the terms"),
        line("10002", _STOP, "a trial account may not do this"),
        # The call was rejected; it is free to go when others have ended.
        line("10004", _LATER, "too many calls at once for this account", throttles=True),
        line("10005", _STOP, "calls are switched off for this account"),
        line("20003", _STOP, "the credentials were refused, or the account is suspended", credentials=True),
        line("20004", _STOP, "the address of the service does not take messages"),
        line("20005", _STOP, "the account is not active"),
        line("20006", _STOP, "access denied"),
        line("20008", _STOP, "test credentials cannot be used here"),
        line("20010", _STOP, "this is switched off for the account"),
        line("20011", _STOP, "the service does not take our TLS version"),
        line("20012", _STOP, "the service does not take our TLS ciphers"),
        line("20403", _STOP, "the account may not do this: it is suspended or closed"),
        line("20404", _STOP, "the account or address of the service does not exist"),
        line("20413", _MESSAGE, "the request is too large"),
        line("20426", _STOP, "the service wants a newer protocol"),
        line("20429", _LATER, "too many requests at once", throttles=True),
        line("20500", _DOUBT, "an error at the carrier"),
        line("20503", _DOUBT, "the carrier is unavailable"),
        line("20504", _DOUBT, "an error at the carrier while it processed the message"),
        # Answers to the hand-off of a call: /docs/api/errors/21200 to 21264
        line("21201", _MESSAGE, "a call without a number to call"),
        line("21202", _ADDRESS, "the number is a premium number"),
        line("21203", _ADDRESS, "the account may not call abroad"),
        line("21205", _STOP, "the address of the call's instructions is not valid"),
        line("21208", _STOP, "the seconds of ringing are not valid"),
        line("21209", _STOP, "the HTTP method for the call's instructions is not valid"),
        line("21210", _STOP, "the caller's number is not verified", scope=_SENDER),
        line("21211", _ADDRESS, "the number is not valid"),
        line("21212", _STOP, "the sender is not valid", scope=_SENDER),
        line("21213", _STOP, "a call without a caller's number", scope=_SENDER),
        line("21214", _ADDRESS, "the number cannot be reached by calls"),
        line("21215", _ADDRESS, "the account may not call this country"),
        # Fraud or a regulation at the number called; for +1 also an account without a customer profile.
        line("21216", _ADDRESS, "the carrier blocks calls to this number"),
        line("21217", _ADDRESS, "the number does not seem to be valid"),
        line("21219", _STOP, "a trial account may call verified numbers only"),
        line("21234", _STOP, "the setting for machine detection is not valid"),
        # Answers to the hand-off of a message: /docs/api/errors/21265 to 21910
        line("21265", _ADDRESS, "the number is a short code"),
        line("21266", _ADDRESS, "the number is the sender's own"),
        line("21267", _STOP, "a trial account may not use a name as sender", scope=_SENDER),
        line("21268", _ADDRESS, "the number is a premium number or an information service"),
        line("21408", _ADDRESS, "the account may not send to this country"),
        line("21601", _STOP, "the sender is not a number of this account", scope=_SENDER),
        line("21602", _MESSAGE, "the text is empty"),
        line("21603", _STOP, "a message without a sender", scope=_SENDER),
        line("21604", _MESSAGE, "a message without a number"),
        line("21605", _MESSAGE, "the text is too long for the old address of the service"),
        line("21606", _STOP, "the sender cannot send messages, or not for this account", scope=_SENDER),
        line("21607", _STOP, "a trial account may send from its trial number only", scope=_SENDER),
        line("21608", _STOP, "a trial account, or one without a profile, may send to verified numbers only"),
        line("21609", _STOP, "the status callback address is not valid"),
        line("21610", _SUPPRESS, "the recipient opted out of this sender", suppress_as=_OPTED_OUT),
        line("21611", _LATER, "the sender's queue is full", scope=_SENDER, throttles=True),
        line("21612", _ADDRESS, "this sender cannot reach this number"),
        line("21614", _ADDRESS, "the number cannot receive SMS"),
        line("21616", _STOP, "the sender fits several numbers of the account", scope=_SENDER),
        line("21617", _MESSAGE, "the text is over 1,600 characters"),
        line("21618", _MESSAGE, "the text cannot be sent"),
        line("21619", _MESSAGE, "the text is missing"),
        line("21620", _MESSAGE, "the media address is not valid"),
        line("21621", _STOP, "the sender cannot send pictures", scope=_SENDER),
        line("21622", _STOP, "the account cannot send pictures"),
        line("21623", _MESSAGE, "too many media files"),
        line("21624", _MESSAGE, "the validity period is not valid"),
        line("21635", _ADDRESS, "the number is a fixed line"),
        line("21656", _MESSAGE, "the content variables are not valid"),
        line("21657", _ADDRESS, "the sender is not supported where the number is"),
        line("21658", _MESSAGE, "a parameter is too long"),
        line("21659", _STOP, "the sender is not a number of this account or does not fit the country", scope=_SENDER),
        line("21660", _STOP, "the sender belongs to another account", scope=_SENDER),
        line("21661", _STOP, "the sender cannot send SMS", scope=_SENDER),
        line("21701", _STOP, "the messaging service does not exist", scope=_SENDER),
        line("21702", _LATER, "the messaging service takes no messages just now"),
        # Other recipients of the same service are reached: a country or medium without a sender, not a broken service.
        line("21703", _ADDRESS, "no sender of the messaging service can reach this number"),
        line("21704", _STOP, "the messaging service has no senders", scope=_SENDER),
        line("21705", _STOP, "the messaging service is not valid", scope=_SENDER),
        line("21910", _STOP, "sender and number are of different channels", scope=_SENDER),
        # Wait for the next day, says its page: nothing that twelve attempts would see.
        line("63038", _STOP, "the account's messages for a day are used up"),
        line("90007", _MESSAGE, "the validity period is not valid"),
        # Trial accounts: /docs/api/errors/572002 to 573005
        line("572002", _STOP, "a trial account must send from the number given for this recipient", scope=_SENDER),
        line("572005", _STOP, "a trial account may send to verified numbers only"),
        line("572006", _STOP, "a trial account may send texts of the carrier's own only"),
        line("573002", _STOP, "a trial account must call from the number given for this recipient", scope=_SENDER),
        line("573005", _STOP, "a trial account may call verified numbers only"),
        # What receipts of messages say later: /docs/api/errors/30001 to 30620
        line("14107", _MESSAGE, "the sender and this number wrote to each other too fast"),
        line("30001", _LATER, "the queue overflowed"),
        line("30002", _STOP, "the account is suspended"),
        line("30003", _ADDRESS, "the handset cannot be reached"),
        # A STOP or a register of the unwilling, says its page, but also no signal, or the carrier's filter for a text:
        # a filtered campaign must not suppress everybody in it. An opt-out shows as 21610 and in the reply itself.
        line("30004", _ADDRESS, "the recipient, the operator, a register or a filter blocks the message"),
        # The one line that suppresses though causes that pass are listed too: its title and first cause are plain.
        line("30005", _SUPPRESS, "the number is unknown and may no longer exist"),
        # Also what a short code gets that the operator does not take: another sender may get through.
        line("30006", _ADDRESS, "the number is a fixed line, or this sender does not reach its operator"),
        line("30007", _MESSAGE, "the operator or carrier filtered the text"),
        line("30008", _MESSAGE, "an unknown error at the operator"),
        line("30011", _MESSAGE, "the handset or its region takes no pictures"),
        line("30017", _LATER, "the operator's network is congested"),
        line("30018", _STOP, "the country wants registered senders, which this one is not: a warning"),
        line("30019", _MESSAGE, "the text or media are too large for the operator"),
        line("30021", _MESSAGE, "an error at the carrier"),
        line("30022", _LATER, "the operator's rate was exceeded"),
        line("30023", _LATER, "the operator's daily limit was reached"),
        line("30024", _STOP, "the sender is not set up at the operator"),
        line("30032", _STOP, "the toll-free sender is not verified"),
        line("30033", _STOP, "the sender's registered use is suspended"),
        line("30034", _STOP, "the sender is not registered with the operators"),
        line("30035", _STOP, "the sender's registration is not finished"),
        line("30036", _MESSAGE, "the validity period passed"),
        line("30037", _STOP, "the account may not send messages"),
        line("30040", _STOP, "the country wants registered senders, which this one is not"),
        line("30041", _STOP, "the United Kingdom wants this sender registered"),
        line("30042", _STOP, "the sender's name is too general or not allowed"),
        line("30043", _STOP, "the operator takes the message for a foreign one on a domestic way"),
        line("30044", _MESSAGE, "the text is too long for a trial account"),
        # Failed and not tried again by the carrier, lest it come twice: the operator may have it.
        line("30410", _DOUBT, "the operator did not answer in time"),
        # Fraud that runs up bills with messages: the number rests for a while, and to insist looks like more of it.
        line("30450", _MESSAGE, "the number is blocked for half an hour: it looks like fraud with SMS"),
        line("30453", _MESSAGE, "the number is blocked for some hours: it looks like fraud with SMS"),
        line("30454", _STOP, "a trial account's messages are used up"),
        line("30485", _MESSAGE, "the number is blocked for some hours: it looks like fraud with SMS"),
        line("30500", _MESSAGE, "an error at the carrier"),
        line("30610", _MESSAGE, "local rules forbid such a message at this hour"),
        line("30615", _MESSAGE, "local rules forbid such a message at this hour"),
        line("30620", _STOP, "the text does not fit the sender's registered use"),
        # What the carrier could not fetch or read: /docs/api/errors/11100 to 13521 and 32018
        line("11100", _STOP, "one of our addresses is not valid"),
        line("11200", _STOP, "one of our addresses, or a picture's, does not answer as it should"),
        line("11205", _STOP, "one of our addresses cannot be reached"),
        line("11210", _STOP, "the host of one of our addresses does not exist"),
        line("11217", _STOP, "one of our addresses answers with an error"),
        line("11220", _STOP, "one of our addresses fails at TLS"),
        line("11750", _MESSAGE, "the call's document is too large"),
        line("11751", _MESSAGE, "the media are too large"),
        line("12100", _MESSAGE, "the call's document cannot be read"),
        line("12300", _MESSAGE, "the media or document are of a kind that is not taken"),
        line("13520", _MESSAGE, "the words to be spoken are not valid"),
        line("13521", _MESSAGE, "the words to be spoken are too long"),
        line("32018", _MESSAGE, "the call's document is over 4,000 characters"),
        # Calls that a call's document dials, and what the network said of a call: 13214 to 13247, 32005 to 32017
        line("13214", _STOP, "the caller's number is not valid"),
        line("13223", _ADDRESS, "the number to dial is not written as it should"),
        line("13224", _ADDRESS, "the number to dial is not valid or cannot be called"),
        line("13225", _ADDRESS, "the carrier blocks calls to this number"),
        line("13226", _ADDRESS, "the number to dial has an unknown country code"),
        line("13227", _ADDRESS, "the account may not call this country"),
        line("13247", _STOP, "the caller's number is not valid"),
        line("32005", _STOP, "calls are switched off for this account"),
        line("32016", _ADDRESS, "no operator answered for this number within a minute"),
        line("32017", _STOP, "the operator blocks the caller's number for its reputation"),
        # Answers without a code of the carrier's
        line("http 401", _STOP, "the credentials were refused", credentials=True),
        line("http 403", _STOP, "the account may not do this"),
        line("http 404", _STOP, "the address of the service does not exist"),
        line("http 429", _LATER, "too many requests", throttles=True),
    ),
)
