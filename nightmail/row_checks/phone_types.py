"""The types of phone numbers: our names, those of ``phonenumbers``, and what can be done with each."""

from __future__ import annotations

PHONE_TYPES = (
    "mobile",
    "fixed",
    "fixed_or_mobile",
    "premium",
    "shared_cost",
    "toll_free",
    "voip",
    "personal",
    "pager",
    "uan",
    "voicemail",
)
"""What ``phone_type`` may hold. ``fixed_or_mobile``: the country's plan does not tell them apart, as in the United States."""

SMS_TYPES = frozenset({"mobile", "fixed_or_mobile", "voip", "personal", "pager"})
"""The types that a text message can be sent to."""

PREMIUM_TYPES = frozenset({"premium", "shared_cost"})
"""The types that cost the caller more than an ordinary call."""

TYPE_NAMES = {
    "MOBILE": "mobile",
    "FIXED_LINE": "fixed",
    "FIXED_LINE_OR_MOBILE": "fixed_or_mobile",
    "PREMIUM_RATE": "premium",
    "SHARED_COST": "shared_cost",
    "TOLL_FREE": "toll_free",
    "VOIP": "voip",
    "PERSONAL_NUMBER": "personal",
    "PAGER": "pager",
    "UAN": "uan",
    "VOICEMAIL": "voicemail",
}
"""Our names of the types by those of ``phonenumbers.PhoneNumberType``."""

MOBILE_TYPES = frozenset({"mobile", "fixed_or_mobile"})
"""The types whose numbers a country's plan describes by length and first digits exactly, or does not tell apart from such."""
