"""People and programs: the HTTP API, carriers' webhooks and web pages."""
