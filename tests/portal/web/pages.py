"""Every page of the portal with an address to look at it: a new page is inspected once it is listed here.

``route`` is the route's path as it is declared; ``address`` an address of it in the tests' organisation, or what makes one
from that organisation's engine. ``NOT_PAGES`` are GET routes that answer with something else, each with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

from playwright.sync_api import BrowserContext, Page
from sqlalchemy import Engine

from tests.portal.web import sample_addresses
from tests.portal.web import sample_attention as attention
from tests.portal.web import sample_campaigns as campaigns
from tests.portal.web import sample_contacts as book
from tests.portal.web import sample_files as files
from tests.portal.web import sample_logins as logins
from tests.portal.web import sample_people as people
from tests.portal.web import sample_recipients as recipients
from tests.portal.web import sample_reports as reports
from tests.portal.web import sample_sends as sends
from tests.portal.web import sample_settings as setup
from tests.portal.web import sample_templates as templates
from tests.portal.web.people import make_person, session_of
from tests.support.browser import Window, reopened


@dataclass(frozen=True)
class SamplePage:
    """A page, who opens it (a ready-made role; ``None``: nobody who is signed in) and its name in pictures.

    ``cookies`` makes what the browser brings besides. ``always_new`` is said of a page that shows another secret at each look.
    """

    route: str
    address: str | Callable[[Engine], str] = ""
    role: str | None = "organisation_administrator"
    name: str = ""
    cookies: Callable[[Engine], Mapping[str, str]] | None = None
    always_new: bool = False
    status: int = 200
    with_lake: Callable[[Engine, str], str] | None = None
    """Makes the address where the page also reads tables of the lake, whose URL comes second."""

    @property
    def picture(self) -> str:
        """The page's name in file names."""
        plain = self.route.strip("/").replace("/", "-").replace("-{token}", "").replace("{", "").replace("}", "")
        return self.name or plain or "home"

    def opened(
        self, engine: Engine, context: BrowserContext, base_url: str, lake: str, **person: str
    ) -> AbstractContextManager[OpenedPage]:
        """The page in a window of who opens it, after what it shows was made; ``lake`` is the portal's."""
        return _opened(self, engine, context, base_url, lake, person)


@dataclass(frozen=True)
class OpenedPage:
    """A page and its window."""

    window: Window
    page: Page


@contextmanager
def _opened(
    sample: SamplePage, engine: Engine, context: BrowserContext, base_url: str, lake: str, person: Mapping[str, str]
) -> Iterator[OpenedPage]:
    session = None
    if sample.role is not None:
        session = session_of(engine, make_person(engine, role=sample.role, time_zone="Europe/Berlin", **person))
    address = sample.address(engine) if callable(sample.address) else sample.address or sample.route
    if sample.with_lake is not None:
        address = sample.with_lake(engine, lake)
    cookies = sample.cookies(engine) if sample.cookies else {}
    with reopened(context, base_url, session, cookies) as opened:
        yield OpenedPage(opened, opened.open(address, sample.status))


PAGES: tuple[SamplePage, ...] = (
    SamplePage("/"),
    SamplePage("/", name="home-busy", with_lake=campaigns.busy),
    SamplePage("/keys"),
    SamplePage("/parts"),
    SamplePage("/search", "/search?q=home"),
    SamplePage("/search", "/search?q=nothing-fits-this", name="search-nothing"),
    SamplePage("/no-such-page", name="not-found", status=404),
    SamplePage("/campaigns", name="campaigns-none"),
    SamplePage("/campaigns", campaigns.every_state, name="campaigns"),
    SamplePage("/campaigns", "/campaigns?search=nothing-fits-this", name="campaigns-nothing"),
    SamplePage("/campaigns/{campaign}", campaigns.sending, name="campaign-sending"),
    SamplePage("/campaigns/{campaign}", campaigns.finished, name="campaign-finished"),
    SamplePage("/campaigns/{campaign}", campaigns.stopped, name="campaign-stopped"),
    SamplePage("/campaigns/{campaign}", campaigns.received, name="campaign-received"),
    SamplePage(
        "/campaigns/{campaign}/rejects", name="campaign-rejects", with_lake=partial(campaigns.with_rows, "/rejects")
    ),
    SamplePage(
        "/campaigns/{campaign}/rejects", partial(campaigns.sending, ending="/rejects"), name="campaign-no-rejects"
    ),
    SamplePage(
        "/campaigns/{campaign}/contacts", name="campaign-contacts", with_lake=partial(campaigns.with_rows, "/contacts")
    ),
    SamplePage("/campaigns/{campaign}/contacts/{line}", name="campaign-contact", with_lake=campaigns.with_decisions),
    SamplePage(
        "/campaigns/{campaign}/messages", partial(campaigns.finished, ending="/messages"), name="campaign-messages"
    ),
    SamplePage("/campaigns/{campaign}/pause", partial(campaigns.sending, ending="/pause"), name="campaign-pause"),
    SamplePage("/campaigns/{campaign}/resume", campaigns.paused, name="campaign-resume"),
    SamplePage("/campaigns/{campaign}/cancel", partial(campaigns.sending, ending="/cancel"), name="campaign-cancel"),
    SamplePage("/campaigns/{campaign}/cancel", partial(campaigns.finished, ending="/cancel"), name="campaign-over"),
    SamplePage("/campaigns/{campaign}/schedule", campaigns.scheduled, name="campaign-schedule"),
    SamplePage("/campaigns/{campaign}/attempts", campaigns.attempted, name="campaign-attempts"),
    SamplePage("/campaigns/{campaign}/costs", partial(campaigns.finished, ending="/costs"), name="campaign-costs"),
    SamplePage("/campaigns/{campaign}/files", campaigns.with_file, name="campaign-files"),
    SamplePage(
        "/campaigns/{campaign}/history", partial(campaigns.finished, ending="/history"), name="campaign-history"
    ),
    SamplePage("/send", sends.choose_address, name="send"),
    SamplePage("/send", "/send?search=nothing-fits-this", name="send-nothing"),
    SamplePage("/send/new", sends.whom_address, name="send-whom"),
    SamplePage("/send/{send_id}", sends.review_address, name="send-review"),
    SamplePage("/send/{send_id}", sends.nobody_address, name="send-nobody"),
    SamplePage("/send/{send_id}", sends.held_back_address, name="send-held-back"),
    SamplePage("/send/{send_id}", sends.sent_address, name="send-sent"),
    SamplePage("/send/to/{contact_id}", sends.single_address, name="send-single"),
    SamplePage("/send/to/{contact_id}", partial(sends.single_address, ending="?feed=1"), name="send-single-values"),
    SamplePage("/approvals", name="approvals-none"),
    SamplePage("/approvals", people.approvals_address, name="approvals"),
    SamplePage("/reports", name="reports-none"),
    SamplePage("/reports", reports.reports_address, name="reports"),
    SamplePage("/reports", reports.day_address, name="report-of-a-day"),
    SamplePage("/alerts", name="alerts-none"),
    SamplePage("/alerts", partial(attention.alerts_address, "/alerts"), name="alerts"),
    SamplePage("/alerts", partial(attention.alerts_address, "/alerts?state=over"), name="alerts-over"),
    SamplePage("/alerts/{alert_id}", attention.alert_address, name="alert"),
    SamplePage("/alerts/close", attention.close_alerts_address, name="alerts-close"),
    SamplePage("/uploads", name="uploads-none"),
    SamplePage("/uploads", files.uploads_address, name="uploads"),
    SamplePage("/uploads/new", name="upload-choose"),
    SamplePage("/uploads/new", files.upload_form_address, name="upload-new"),
    SamplePage("/uploads/new", files.preferences_upload_address, name="upload-new-preferences"),
    SamplePage("/uploads/new", files.correction_address, name="upload-correction"),
    SamplePage("/uploads/{upload_id}", files.upload_address, name="upload"),
    SamplePage("/uploads/{upload_id}", files.upload_address, name="upload-masked", role="viewer"),
    SamplePage("/uploads/{upload_id}", files.upload_under_way_address, name="upload-under-way"),
    SamplePage("/uploads/{upload_id}", files.repeated_upload_address, name="upload-repeated"),
    SamplePage("/feeds", files.feeds_address, name="feeds"),
    SamplePage("/feeds", "/feeds?search=no-such-feed", name="feeds-nothing"),
    SamplePage("/feeds/{feed_id}", files.feed_address, name="feed"),
    SamplePage("/feeds/{feed_id}", files.preferences_feed_address, name="feed-of-preferences"),
    SamplePage("/doubts", name="doubts-none"),
    SamplePage("/doubts", partial(attention.doubts_address, "/doubts"), name="doubts"),
    SamplePage("/doubts/{message_id}", attention.doubt_address, name="doubt"),
    SamplePage("/doubts/campaign/{campaign}", attention.doubts_of_campaign_address, name="doubts-campaign"),
    SamplePage("/opt-outs", name="opt-outs-none"),
    SamplePage("/opt-outs", partial(attention.opt_outs_address, "/opt-outs"), name="opt-outs"),
    SamplePage("/opt-outs/new", name="opt-out-new"),
    SamplePage("/opt-outs/{suppression_id}", attention.opt_out_address, name="opt-out"),
    SamplePage("/opt-outs/{suppression_id}", attention.lifted_address, name="opt-out-lifted"),
    SamplePage("/opt-outs/probable", partial(attention.replies_address, "/opt-outs/probable"), name="probable"),
    SamplePage(
        "/opt-outs/probable/{reply_id}",
        partial(attention.reply_address, "/opt-outs/probable/{}"),
        name="probable-decide",
    ),
    SamplePage("/replies", name="replies-none"),
    SamplePage("/replies", partial(attention.replies_address, "/replies"), name="replies"),
    SamplePage("/replies/{reply_id}", partial(attention.reply_address, "/replies/{}"), name="reply"),
    SamplePage("/suspensions", name="suspensions-none"),
    SamplePage("/suspensions", partial(attention.suspensions_address, "/suspensions"), name="suspensions"),
    SamplePage(
        "/suspensions", partial(attention.suspensions_address, "/suspensions?state=over"), name="suspensions-over"
    ),
    SamplePage("/suspensions/new", name="suspension-new"),
    SamplePage("/suspensions/{suspension_id}", partial(attention.suspension_address, 0), name="suspension"),
    SamplePage("/suspensions/{suspension_id}", partial(attention.suspension_address, 2), name="suspension-over"),
    SamplePage("/recipients"),
    SamplePage("/recipients/{kind}/{digest}", recipients.recipient_address, name="recipient"),
    SamplePage("/contacts", name="contacts-none"),
    SamplePage("/contacts", partial(book.contacts_address, "/contacts"), name="contacts"),
    SamplePage("/contacts", "/contacts?tag=nobody-has-it", name="contacts-nobody"),
    SamplePage("/contacts", partial(book.contacts_address, "/contacts"), name="contacts-masked", role="viewer"),
    SamplePage("/contacts/new", name="contact-new"),
    SamplePage("/contacts/{contact_id}", partial(book.contact_address, ""), name="contact"),
    SamplePage("/contacts/{contact_id}", book.removed_address, name="contact-removed"),
    SamplePage("/contacts/{contact_id}/change", partial(book.contact_address, "/change"), name="contact-change"),
    SamplePage("/contacts/{contact_id}/ask", partial(book.contact_address, "/ask"), name="contact-ask"),
    SamplePage("/contact-imports", name="contact-imports-none"),
    SamplePage("/contact-imports", partial(book.imports_address, "/contact-imports"), name="contact-imports"),
    SamplePage("/contact-imports/new", name="contact-import-new"),
    SamplePage("/contact-imports/{import_id}", book.import_address, name="contact-import"),
    SamplePage("/contact-imports/{import_id}", book.import_address, name="contact-import-masked", role="viewer"),
    SamplePage("/contact-imports/{import_id}", book.moving_import_address, name="contact-import-moving"),
    SamplePage("/contact-imports/{import_id}", book.preferences_import_address, name="contact-import-preferences"),
    SamplePage("/duplicates", name="duplicates-none"),
    SamplePage("/duplicates", partial(book.contacts_address, "/duplicates?team=acme.billing"), name="duplicates"),
    SamplePage("/duplicates/{contact_id}/{other_id}", book.pair_address, name="duplicate"),
    SamplePage("/merges/{merge_id}", book.merge_address, name="merge"),
    SamplePage("/groups", name="groups-none"),
    SamplePage("/groups", partial(book.contacts_address, "/groups"), name="groups"),
    SamplePage("/groups/new", name="group-new"),
    SamplePage("/groups/{group_id}", partial(book.group_address, ""), name="group"),
    SamplePage("/groups/{group_id}/change", partial(book.group_address, "/change"), name="group-change"),
    SamplePage("/groups/{group_id}/remove", partial(book.group_address, "/remove"), name="group-remove"),
    SamplePage("/segments", name="segments-none"),
    SamplePage("/segments", partial(book.segments_address, "/segments"), name="segments"),
    SamplePage("/segments/new", partial(book.segments_address, "/segments/new?team=acme.billing"), name="segment-new"),
    SamplePage("/segments/{segment_id}", partial(book.segment_address, ""), name="segment"),
    SamplePage("/segments/{segment_id}/change", partial(book.segment_address, "/change"), name="segment-change"),
    SamplePage("/segments/{segment_id}/remove", partial(book.segment_address, "/remove"), name="segment-remove"),
    SamplePage("/lists", name="lists-none"),
    SamplePage("/lists", partial(book.lists_address, "/lists"), name="lists"),
    SamplePage("/lists/new", name="list-new"),
    SamplePage("/lists/{list_id}", partial(book.list_address, ""), name="list"),
    SamplePage("/lists/{list_id}/change", partial(book.list_address, "/change"), name="list-change"),
    SamplePage("/lists/{list_id}/remove", partial(book.list_address, "/remove"), name="list-remove"),
    SamplePage("/messages", "/messages?state=failed", name="messages-none"),
    SamplePage("/messages", recipients.messages_address, name="messages"),
    SamplePage("/messages/{message}", recipients.message_address, name="message"),
    SamplePage("/templates", templates.templates_address, name="templates"),
    SamplePage("/templates", "/templates?search=no-such-template", name="templates-nothing"),
    SamplePage("/templates/{template_id}", templates.template_address, name="template"),
    SamplePage("/templates/{template_id}", templates.used_template_address, name="template-used", role="viewer"),
    SamplePage("/templates/{template_id}/compare", templates.compare_address, name="template-compare"),
    SamplePage(
        "/templates/{template_id}/versions/{version}/restore", templates.restore_address, name="template-restore"
    ),
    SamplePage("/templates/{template_id}/versions/{version}", templates.preview_address, name="template-preview"),
    SamplePage("/templates/{template_id}/versions/{version}", templates.row_preview_address, name="template-row"),
    SamplePage("/people", partial(people.filled, "/people"), name="people"),
    SamplePage("/people", "/people?search=nobody-of-this-name", name="people-nobody"),
    SamplePage("/people/invite", name="people-invite"),
    SamplePage("/people/{person_id}", people.person_address, name="person"),
    SamplePage("/people/{person_id}/disable", people.disable_address, name="person-disable"),
    SamplePage("/people/{person_id}/reset", people.reset_address, name="person-reset"),
    SamplePage("/people/{person_id}/withdraw/{grant_id}", people.withdraw_address, name="person-withdraw"),
    SamplePage("/roles", partial(people.filled, "/roles"), name="roles"),
    SamplePage("/roles/new", name="role-new"),
    SamplePage("/roles/{role_id}", people.role_address, name="role"),
    SamplePage("/roles/{role_id}/change", people.change_role_address, name="role-change"),
    SamplePage("/roles/{role_id}/remove", people.remove_role_address, name="role-remove"),
    SamplePage("/rights", people.rights_address, name="rights"),
    SamplePage("/api-keys", partial(people.filled, "/api-keys"), name="api-keys"),
    SamplePage("/api-keys/new", name="api-key-new"),
    SamplePage("/api-keys/{key_id}", people.key_address, name="api-key"),
    SamplePage("/api-keys/{key_id}/revoke", people.revoke_address, name="api-key-revoke"),
    SamplePage("/teams", name="teams"),
    SamplePage("/teams/{path}", "/teams/acme", name="team"),
    SamplePage("/audit", partial(people.filled, "/audit"), name="audit"),
    SamplePage("/settings", partial(setup.filled, "/settings"), name="settings"),
    SamplePage("/settings/health", partial(setup.filled, "/settings/health"), name="settings-health"),
    SamplePage("/settings/carriers", partial(setup.filled, "/settings/carriers"), name="settings-carriers"),
    SamplePage("/settings/carriers/{account_id}", setup.account, name="settings-carrier"),
    SamplePage("/settings/mailboxes", partial(setup.filled, "/settings/mailboxes"), name="settings-mailboxes"),
    SamplePage("/settings/mailboxes", name="settings-mailboxes-none"),
    SamplePage("/settings/senders", partial(setup.filled, "/settings/senders"), name="settings-senders"),
    SamplePage("/settings/senders/{sender_id}", setup.sender, name="settings-sender"),
    SamplePage("/settings/sftp-servers", partial(setup.filled, "/settings/sftp-servers"), name="settings-servers"),
    SamplePage("/settings/sftp-servers/{server_id}", setup.server, name="settings-server"),
    SamplePage("/settings/prices", setup.prices, name="settings-prices"),
    SamplePage("/settings/categories", setup.category, name="settings-categories"),
    SamplePage("/settings/teams", partial(setup.filled, "/settings/teams"), name="settings-teams"),
    SamplePage("/settings/teams/{path}", setup.team, name="settings-team"),
    SamplePage("/settings/webhooks", partial(setup.filled, "/settings/webhooks"), name="settings-webhooks"),
    SamplePage("/settings/webhooks/new", name="settings-webhook-new"),
    SamplePage("/settings/webhooks/{webhook_id}", setup.webhook, name="settings-webhook"),
    SamplePage("/settings/webhooks/{webhook_id}/rotate", setup.webhook_rotate, name="settings-webhook-rotate"),
    SamplePage("/settings/webhooks/{webhook_id}/end", setup.webhook_end, name="settings-webhook-end"),
    SamplePage("/login", role=None),
    SamplePage("/login/forgotten", role=None),
    SamplePage("/login/new-password/{token}", sample_addresses.new_password, role=None),
    SamplePage("/login/second-factor", role=None, cookies=sample_addresses.second_step),
    SamplePage("/login/recovery-code", role=None, cookies=sample_addresses.second_step),
    SamplePage("/login/set-up", role=None, cookies=sample_addresses.second_step, always_new=True),
    SamplePage("/invitation/{token}", sample_addresses.invitation, role=None),
    SamplePage("/first-administrator/{token}", sample_addresses.first_administrator, role=None),
    SamplePage("/confirm-identity", logins.confirm_address, name="confirm-identity"),
    SamplePage("/me", logins.oneself_address, name="me"),
    SamplePage("/me/password"),
    SamplePage("/me/app", always_new=True),
)

NOT_PAGES: dict[str, str] = {
    "/now": "a part of the home page",
    "/campaigns/rows": "a part of the list of campaigns",
    "/send/{send_id}/progress": "a part of the page of a send",
    "/send/{send_id}/email/{number}": "what stands in a frame of the send's previews",
    "/campaigns/{campaign}/progress": "a part of a campaign's page",
    "/campaigns/{campaign}/rejects.csv": "a file to take along",
    "/campaigns.csv": "a file to take along",
    "/alerts.csv": "a file to take along",
    "/contacts.csv": "a file to take along",
    "/contact-imports/{import_id}/refused.csv": "a file to take along",
    "/opt-outs.csv": "a file to take along",
    "/replies.csv": "a file to take along",
    "/uploads.csv": "a file to take along",
    "/uploads/{upload_id}/rejects.csv": "a file to take along",
    "/contact-imports/{import_id}/state": "a part of an import's page",
    "/uploads/{upload_id}/verdict": "a part of the upload's page, asked for again",
    "/templates.csv": "a file to take along",
    "/templates/{template_id}/versions/{version}/email": "what stands in a frame of the preview",
    "/feeds.csv": "a file to take along",
    "/feeds/{feed_id}/sample.csv": "a file to take along",
    "/doubts.csv": "a file to take along",
    "/suspensions.csv": "a file to take along",
    "/audit/entries.jsonl": "a file to take along",
    "/reports/export": "a file to take along",
    "/demonstration/{token}": "logs in and leads home",
    "/invitation/{token}/with/{name}": "leads on to the identity provider",
    "/login/with/{name}": "leads on to the identity provider",
    "/login/returned": "leads on to where one wanted to go",
    "/settings/webhooks/{webhook_id}/calls": "a part of a page, asked for as it changes",
    "/messages.csv": "a file to take along",
    "/messages/{message}/preview": "an email as it was sent, in a frame",
    "/me/providers/{name}/link": "leads on to the identity provider",
}
"""GET routes of people's pages that answer with no page: by their paths, with the reason."""
