"""How the portal looks and speaks: theme and language."""
