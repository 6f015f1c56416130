"""People's pages: one folder a subject, with its routes, templates and their English texts; tests in ``tests/portal/web``.

What all share stands beside the folders: who is signed in and may what (:mod:`portal.web.signed_in`), how a template becomes
an answer (:mod:`portal.web.rendering`), the frame (``layouts/``) and the parts that pages are built of (``parts/``; all of
them are shown at ``/parts``). A page holds no SQL and decides nothing: it calls the domain's functions, as the API and the
command line do. docs/portal.md says how a page is built.
"""

from __future__ import annotations

from fastapi import Depends, FastAPI

from portal.web import failures, static_files
from portal.web.alerts import routes as alerts
from portal.web.api_keys import routes as api_keys
from portal.web.appearance import routes as appearance
from portal.web.approvals import routes as approvals
from portal.web.audit_log import routes as audit_log
from portal.web.campaigns import background as campaign_background
from portal.web.campaigns import orders as campaign_orders
from portal.web.campaigns import outcomes as campaign_outcomes
from portal.web.campaigns import overview as campaign_overview
from portal.web.campaigns import routes as campaigns
from portal.web.campaigns import rows_of_file as campaign_rows
from portal.web.contact_imports import routes as contact_imports
from portal.web.contacts import consent_routes as contact_consents
from portal.web.contacts import contact_routes as one_contact
from portal.web.contacts import form_routes as contact_forms
from portal.web.contacts import routes as contacts
from portal.web.cookies import SessionCookies
from portal.web.doubts import campaign_routes as doubts_of_campaigns
from portal.web.doubts import routes as doubts
from portal.web.duplicates import routes as duplicates
from portal.web.feeds import routes as feeds
from portal.web.gallery import routes as gallery
from portal.web.groups import routes as groups
from portal.web.home import routes as home
from portal.web.lists import routes as lists
from portal.web.login import (
    confirm_routes,
    demonstration_routes,
    invitation_routes,
    passkey_routes,
    password_routes,
    provider_routes,
    second_factor_routes,
)
from portal.web.login import routes as login
from portal.web.message_templates import preview_routes as template_previews
from portal.web.message_templates import routes as message_templates
from portal.web.oneself import factor_routes
from portal.web.oneself import routes as oneself
from portal.web.opt_outs import adding as opt_outs_by_hand
from portal.web.opt_outs import probable_routes as probable_opt_outs
from portal.web.opt_outs import routes as opt_outs
from portal.web.people import grants as grants_of_people
from portal.web.people import routes as people
from portal.web.recipients import routes as recipients
from portal.web.replies import routes as replies
from portal.web.reports import routes as reports
from portal.web.rights import routes as rights
from portal.web.roles import routes as roles
from portal.web.search import routes as search
from portal.web.segments import routes as segments
from portal.web.send import draft_routes as sends
from portal.web.send import routes as send
from portal.web.send import sent_routes as sends_under_way
from portal.web.send import single_routes as single_sends
from portal.web.sent_messages import message_routes as one_message
from portal.web.sent_messages import routes as sent_messages
from portal.web.settings import ROUTERS as SETTINGS_ROUTERS
from portal.web.signed_in import prepared
from portal.web.suspensions import routes as suspensions
from portal.web.teams import routes as teams
from portal.web.uploads import form_routes as upload_forms
from portal.web.uploads import list_routes as uploads
from portal.web.uploads import routes as upload_pages

ROUTERS = (
    home.router,
    send.router,
    single_sends.router,
    sends.router,
    sends_under_way.router,
    campaigns.router,
    campaign_overview.router,
    campaign_rows.router,
    campaign_outcomes.router,
    campaign_orders.router,
    campaign_background.router,
    approvals.router,
    alerts.router,
    doubts.router,
    doubts_of_campaigns.router,
    suspensions.router,
    opt_outs_by_hand.router,
    probable_opt_outs.router,
    opt_outs.router,
    replies.router,
    search.router,
    appearance.router,
    gallery.router,
    login.router,
    second_factor_routes.router,
    passkey_routes.router,
    provider_routes.router,
    password_routes.router,
    confirm_routes.router,
    invitation_routes.router,
    demonstration_routes.router,
    oneself.router,
    factor_routes.router,
    uploads.router,
    upload_forms.router,
    upload_pages.router,
    feeds.router,
    recipients.router,
    contacts.router,
    contact_consents.router,
    contact_forms.router,
    one_contact.router,
    contact_imports.router,
    duplicates.router,
    groups.router,
    segments.router,
    lists.router,
    sent_messages.router,
    one_message.router,
    message_templates.router,
    template_previews.router,
    people.router,
    grants_of_people.router,
    roles.router,
    rights.router,
    api_keys.router,
    teams.router,
    audit_log.router,
    *SETTINGS_ROUTERS,
    reports.router,
)
"""The routers of people's pages; a new subject is added here, and to ``ENTRIES`` of :mod:`portal.web.navigation`."""


def install(application: FastAPI) -> None:
    """Add people's pages, what they fetch, and their errors; to be called after :func:`portal.problems.install`."""
    application.include_router(static_files.router)
    for router in ROUTERS:
        application.include_router(router, dependencies=[Depends(prepared)])
    failures.install(application)
    application.add_middleware(SessionCookies)
    static_files.report_missing()
