"""Suspensions: channels, accounts and senders that are not used for now; made and lifted."""
