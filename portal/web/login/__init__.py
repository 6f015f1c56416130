"""Logging in and out: password and second factor, passkeys, identity providers, links by email, proving again who one is."""
