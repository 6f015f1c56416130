"""Sending: the ledger of a campaign's messages, the senders that hand them off, and messages in doubt.

What belongs here: loading a ledger and writing it out, intents and outcomes, the pace, what time decides, settling doubts.
What does not: how a carrier is spoken to (``resources/carriers``), what carriers say later (:mod:`nightmail.receipts`),
which account a message goes over (:mod:`nightmail.organisation.routes`). The parts of one sender process stand in
:mod:`nightmail.sending.sender`.

Imports inside functions: pyarrow, numpy and what imports them (the lake's schemas, the audience's quiet hours), which cost
a sender one second at its start.
"""
