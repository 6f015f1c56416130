"""``python -m commands`` is ``nightmail``."""

from commands.main import app

app()
