"""Contacts that are probably the same person: side by side, merged by hand, with a way back."""
