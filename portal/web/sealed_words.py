"""What somebody looks for, as a page's address has it: sealed, since a name or an address is personal data and stands in no address.

A word that was sealed for one person says nothing to another, and nothing to a proxy's log.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

from nightmail.privacy.sealing import seal, unseal
from portal.state import Portal
from portal.web.signed_in import SignedIn

LONGEST = 200
"""Characters that are looked for."""
_PURPOSE = "searches of pages"


def sealed_words(portal: Portal, me: SignedIn, words: str) -> str:
    """The words as a page's address of this person has them; empty for none."""
    words = words.replace("\x00", "").strip()[:LONGEST]
    if not words:
        return ""
    return urlsafe_b64encode(seal(words.encode(), portal.settings.key(), _PURPOSE, _context(me))).decode().rstrip("=")


def opened_words(portal: Portal, me: SignedIn, sealed: str) -> str:
    """The words that were sealed for this person; empty for anything else."""
    if not sealed or not sealed.isascii():
        return ""
    try:
        packed = urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
    except ValueError:
        return ""
    found = unseal(packed, portal.settings.key(), _PURPOSE, _context(me))
    return found.decode() if found else ""


def _context(me: SignedIn) -> str:
    return f"person:{me.person_id}"
