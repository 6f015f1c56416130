"""Settings: what is set up beyond people and rights, how it is, what the organisation file says of it; webhooks can be changed here."""

from __future__ import annotations

from portal.web.settings import (
    carrier_routes,
    category_routes,
    health_routes,
    overview_routes,
    price_routes,
    sender_routes,
    server_routes,
    team_routes,
    webhook_routes,
)

ROUTERS = (
    overview_routes.router,
    health_routes.router,
    carrier_routes.router,
    carrier_routes.mailboxes,
    sender_routes.router,
    server_routes.router,
    price_routes.router,
    category_routes.router,
    team_routes.router,
    webhook_routes.router,
)
"""The routers of these pages."""
