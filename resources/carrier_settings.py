"""A carrier account of the database as its adapter needs it, without Dagster: for the portal too."""

from __future__ import annotations

from collections.abc import Mapping

from nightmail.carriers.protocol import CarrierSettings
from nightmail.organisation.carrier_accounts import CarrierAccountRow
from nightmail.settings import read_secret


def carrier_settings(account: CarrierAccountRow, public_url: str | None = None) -> CarrierSettings:
    """An account as its adapter needs it. Raises :class:`nightmail.errors.ConfigurationError` when its secret is missing.

    The account's ``settings`` may hold ``adapter``, ``account``, ``base_url``, ``sender``, ``sender_name``,
    ``reply_to``, ``connect_timeout_s``, ``timeout_s`` and ``options``.
    """
    stated = account.settings
    given = {
        name: stated[name]
        for name in ("sender", "sender_name", "reply_to", "connect_timeout_s", "timeout_s")
        if stated.get(name) is not None
    }
    options: Mapping[str, str] = stated.get("options") or {}
    return CarrierSettings(
        adapter=str(stated.get("adapter") or adapter_name(account)),
        name=account.name,
        account=str(stated.get("account") or ""),
        secret=read_secret(account.secret) if account.secret else "",
        base_url=str(stated.get("base_url") or ""),
        webhook_base_url=public_url,
        options=dict(options),
        **given,
    )


def adapter_name(account: CarrierAccountRow) -> str:
    """The adapter of a carrier and channel: ``twilio_sms``; a carrier that already names one keeps it."""
    suffix = f"_{account.channel}"
    return account.carrier if account.carrier.endswith(suffix) else f"{account.carrier}{suffix}"
