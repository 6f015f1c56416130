"""What pages of oneself show: a person with a password, an app, a passkey and an identity provider."""

from __future__ import annotations

from sqlalchemy import Engine, text

from nightmail.access.identity_providers import save_provider


def confirm_address(engine: Engine) -> str:
    """The page for somebody with a password."""
    _with_factors(engine)
    return "/confirm-identity?next=/me/password"


def oneself_address(engine: Engine) -> str:
    """One's own page with a passkey, an app and an identity provider."""
    _provider(engine)
    _with_factors(engine)
    return "/me"


def _with_factors(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("update person set password_hash = 'x', password_changed_at = now(), totp_confirmed_at = now()")
        )
        connection.execute(
            text(
                "insert into passkey (person_id, credential_id, public_key, name) "
                "select id, decode(md5(id::text), 'hex'), 'x', 'A blue laptop' from person"
            )
        )


def _provider(engine: Engine) -> None:
    with engine.begin() as connection:
        save_provider(connection, name="Okta", issuer="https://acme.example", client_id="x", actor="test")
