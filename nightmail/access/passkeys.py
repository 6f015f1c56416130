"""Passkeys (WebAuthn level 2): a key pair on the person's device, unlocked there by face, finger or PIN.

A passkey is two factors in one: the device, and what unlocks it, which is why user verification is demanded. It is
discoverable: a login names nobody. A counter that goes back shows a copied key, which is refused.
"""

from __future__ import annotations

import datetime as dt
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from nightmail.access.login_queries import INSERT_PASSKEY, PASSKEY_OF_CREDENTIAL, PASSKEYS_OF_PERSON
from nightmail.audit import write_entry
from nightmail.errors import UsageError
from nightmail.privacy.sealing import keyed_digest
from nightmail.store.clock import database_time

MOST_PASSKEYS = 20
MOST_ANSWER_BYTES = 16_000
TIMEOUT_MS = 300_000


@dataclass(frozen=True, slots=True)
class Site:
    """Where passkeys are good: ``host`` is the relying party's id, ``origin`` the address of its pages."""

    host: str
    origin: str


@dataclass(frozen=True, slots=True)
class PasskeyRow:
    """A passkey as its owner sees it."""

    id: int
    name: str
    credential_id: bytes
    transports: tuple[str, ...]
    created_at: dt.datetime
    last_used_at: dt.datetime | None


def list_passkeys(connection: Connection, person_id: int) -> list[PasskeyRow]:
    """The passkeys of a person, oldest first."""
    rows = connection.execute(text(PASSKEYS_OF_PERSON), {"person": person_id})
    return [
        PasskeyRow(row.id, row.name, bytes(row.credential_id), tuple(row.transports), row.created_at, row.last_used_at)
        for row in rows
    ]


def creation_options(
    connection: Connection, person_id: int | None, email: str, name: str, site: Site, *, key: bytes
) -> tuple[str, str]:
    """What the browser is to make a passkey by, as JSON, and the challenge to keep; for who is nobody yet too (``None``).

    Raises :class:`UsageError` (``passkeys_too_many``).
    """
    from webauthn import generate_registration_options, options_to_json
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        PublicKeyCredentialDescriptor,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    known = [] if person_id is None else list_passkeys(connection, person_id)
    if len(known) >= MOST_PASSKEYS:
        raise UsageError("passkeys_too_many", most=MOST_PASSKEYS)
    options = generate_registration_options(
        rp_id=site.host,
        rp_name="Nightmail",
        user_name=email,
        user_display_name=name,
        user_id=_handle(email, key),
        timeout=TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            require_resident_key=True,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=passkey.credential_id) for passkey in known],
    )
    return options_to_json(options), _text(options.challenge)


def add_passkey(
    connection: Connection,
    person_id: int,
    answer: str,
    challenge: str,
    site: Site,
    *,
    name: str,
    now: dt.datetime | None = None,
) -> int:
    """Keep the passkey that the browser made, with an audit entry; gives its id.

    Raises :class:`UsageError` (``passkey_refused``).
    """
    from webauthn import verify_registration_response
    from webauthn.helpers.exceptions import WebAuthnException

    now = now or database_time(connection)
    try:
        parsed = _parsed(answer)
        made = verify_registration_response(
            credential=dict(parsed),
            expected_challenge=_bytes(challenge),
            expected_rp_id=site.host,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise UsageError("passkey_refused") from None
    values = {
        "person": person_id,
        "credential": made.credential_id,
        "public_key": made.credential_public_key,
        "sign_count": made.sign_count,
        "name": name.strip()[:100] or "Passkey",
        "transports": _transports(parsed),
        "now": now,
    }
    passkey_id = connection.scalar(text(INSERT_PASSKEY), values)
    if passkey_id is None:
        raise UsageError("passkey_refused")
    who = f"person:{person_id}"
    detail = {"factor": "passkey", "passkey": int(passkey_id)}
    write_entry(connection, actor=who, action="factor.added", subject=who, detail=detail)
    return int(passkey_id)


def remove_passkey(connection: Connection, person_id: int, passkey_id: int) -> bool:
    """Take a passkey of a person away; false where they have none of this number."""
    return (
        connection.scalar(
            text("delete from passkey where id = :id and person_id = :person returning id"),
            {"id": passkey_id, "person": person_id},
        )
        is not None
    )


def login_options(site: Site) -> tuple[str, str]:
    """What the browser is to prove a passkey by, as JSON, and the challenge to keep. It names no credential."""
    from webauthn import generate_authentication_options, options_to_json
    from webauthn.helpers.structs import UserVerificationRequirement

    options = generate_authentication_options(
        rp_id=site.host, timeout=TIMEOUT_MS, user_verification=UserVerificationRequirement.REQUIRED
    )
    return options_to_json(options), _text(options.challenge)


def proved_person(
    connection: Connection, answer: str, challenge: str, site: Site, *, now: dt.datetime | None = None
) -> int | None:
    """The person whose passkey answered the challenge.

    ``None`` where none did: the same for an unknown key, a wrong signature and a person who may not log in. The caller
    commits either way: a key that seems to be copied leaves an audit entry.
    """
    from webauthn import verify_authentication_response
    from webauthn.helpers.exceptions import WebAuthnException

    now = now or database_time(connection)
    try:
        parsed = _parsed(answer)
        credential = _bytes(str(parsed["rawId"]))
        row = connection.execute(text(PASSKEY_OF_CREDENTIAL), {"credential": credential}).one_or_none()
        if row is None or row.person_state != "active":
            return None
    except (UsageError, ValueError, KeyError, TypeError):
        return None
    try:
        proof = verify_authentication_response(
            credential=dict(parsed),
            expected_challenge=_bytes(challenge),
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=bytes(row.public_key),
            # The count is compared here, where it can be told from a wrong signature.
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        return None
    if row.sign_count > 0 and proof.new_sign_count <= row.sign_count:
        detail = {"passkey": row.id}
        write_entry(
            connection, actor="portal", action="passkey.copied", subject=f"person:{row.person_id}", detail=detail
        )
        return None
    connection.execute(
        text("update passkey set sign_count = :count, last_used_at = :now where id = :id"),
        {"count": proof.new_sign_count, "now": now, "id": row.id},
    )
    return int(row.person_id)


def _parsed(answer: str) -> Mapping[str, Any]:
    if len(answer) > MOST_ANSWER_BYTES:
        raise UsageError("passkey_refused")
    try:
        parsed = json.loads(answer)
    except ValueError:
        raise UsageError("passkey_refused") from None
    if not isinstance(parsed, dict) or not isinstance(parsed.get("response"), dict):
        raise UsageError("passkey_refused")
    return parsed


def _transports(parsed: Mapping[str, Any]) -> list[str]:
    known = {"usb", "nfc", "ble", "smart-card", "hybrid", "internal"}
    given = parsed["response"].get("transports")
    return [each for each in given if each in known] if isinstance(given, list) else []


def _handle(email: str, key: bytes) -> bytes:
    """What stands for the person on the device: it names nobody, as the standard asks."""
    return keyed_digest(email.lower(), key, "passkey handles")


def _text(value: bytes) -> str:
    return urlsafe_b64encode(value).decode().rstrip("=")


def _bytes(value: str) -> bytes:
    return urlsafe_b64decode(value + "=" * (-len(value) % 4))
