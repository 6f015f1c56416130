"""The address book: contacts, found, looked at, added, changed, removed and taken out."""
