"""The HTTP API, version 1: contact files, single messages, campaigns, webhooks."""
