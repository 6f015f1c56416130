"""The addresses of a contact: the columns that hold them, and the kinds that channels go to."""

from __future__ import annotations

from enum import StrEnum

PHONE_FIELDS = ("phone", "phone_2", "landline")
"""The standard fields that hold a phone number, in the order in which a channel looks for one that it can use."""

EMAIL_FIELD = "email"
"""The standard field that holds an email address."""

ADDRESS_FIELDS = (*PHONE_FIELDS, EMAIL_FIELD)
"""The standard fields that hold an address."""


class AddressKind(StrEnum):
    """What a channel sends to. :mod:`nightmail.row_checks.channel_addresses` says which number types fit each."""

    TEXT_NUMBER = "text_number"
    """A number that can get a text message: mobile, or of a type that is not known."""
    SPEECH_NUMBER = "speech_number"
    """A number that can be called at an ordinary price."""
    EMAIL_ADDRESS = "email_address"

    @property
    def is_number(self) -> bool:
        """Whether it is a phone number, which tells its country."""
        return self is not AddressKind.EMAIL_ADDRESS

    @property
    def fields(self) -> tuple[str, ...]:
        """The standard fields that hold it."""
        return PHONE_FIELDS if self.is_number else (EMAIL_FIELD,)
