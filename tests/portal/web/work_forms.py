"""The forms of the daily work and of what is set up for it, each as it is taken."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from functools import partial

from sqlalchemy import Connection

from nightmail.access.permissions import Permission
from nightmail.campaigns.approval_records import ask_for_approval
from nightmail.campaigns.campaign_rows import get_campaign
from nightmail.contacts.contact_changes import add_address, add_note, add_tags, set_removed
from nightmail.contacts.contact_listing import ContactRow, find_contact
from nightmail.contacts.distribution_lists import Entry, make_list
from nightmail.contacts.groups import add_members, find_group
from tests.portal.web import sample_sends as sends
from tests.portal.web.form_walk import Case, Sent, Walk
from tests.portal.web.sample_campaigns import campaign_in
from tests.portal.web.sample_contacts import BY, KEY
from tests.portal.web.sample_templates import template_of_versions
from tests.portal.web.test_rights_of_pages import OWN
from tests.support.import_rounds import carry_on_all


def _order(state: str) -> Case:
    """An order to a campaign in a state, with what its page carries."""

    def case(walk: Walk) -> Sent:
        starts = dt.datetime.now(dt.UTC) + dt.timedelta(hours=9)
        key = campaign_in(walk.organisation.engine, state, done=1, starts=starts if state == "scheduled" else None)
        with walk.organisation.engine.connect() as connection:
            seen = get_campaign(connection, key).version
        later = (starts + dt.timedelta(days=1)).isoformat(timespec="minutes")
        return walk.administrator({"campaign": key}, seen=seen, start=later, reason="asked by the customer")

    return case


def _approval(walk: Walk) -> Sent:
    campaign = walk.organisation.campaign()
    walk.organisation.move(campaign, "checking", "awaiting_approval")
    with walk.organisation.engine.begin() as connection:
        found = get_campaign(connection, campaign.id)
        ask_for_approval(connection, found, {"reason": "x", "message": "Look at it."}, actor="test")
    number, _email = walk.person(Permission.CAMPAIGN_APPROVE)
    visitor = walk.signed_in(number, "/approvals")
    return Sent(visitor, f"person:{number}", dict(re.findall(r'name="(campaign|seen)" value="([^"]*)"', visitor.page)))


def _of_campaign_in_doubt(walk: Walk) -> Sent:
    message = str(walk.things.doubt(OWN)["message_id"])
    statement = "select key as campaign from campaign where token = :token"
    (path,) = walk.organisation.rows(statement, token=message.partition("-")[0])
    return walk.administrator(path, decision="accepted")


def _of_webhook(walk: Walk) -> Sent:
    return walk.administrator(walk.things.webhook(OWN))


def _new_webhook(walk: Walk) -> Sent:
    return walk.administrator(url="https://hooks.example.com/x", team=OWN, events=["campaign.finished"])


def _opt_out_by_hand(walk: Walk) -> Sent:
    typed = {"address": "+49 170 7654321", "kind": "asked", "why": "By telephone.", "team": OWN, "channels": "sms"}
    sent = walk.administrator(**typed)
    looked = sent.visitor.post("/opt-outs/new", csrf=sent.visitor.csrf, **typed)
    (seen,) = re.findall(r'name="seen" value="([^"]*)"', looked.text)
    return Sent(sent.visitor, sent.actor, {**typed, "seen": seen})


def _upload(walk: Walk) -> Sent:
    file = ("visits.csv", b"external_id,phone,time\n1,+491701234567,09:30\n")
    return walk.administrator(feed=walk.organisation.feeds[OWN], key="x", action="upload", file=file)


def _earlier_version(walk: Walk) -> Sent:
    number = template_of_versions(walk.organisation.engine, restored=False)
    return walk.administrator({"template_id": number, "version": 1}, seen=2)


def _of_contact(**form: object) -> Case:
    """A form of a contact's page, as the page was shown."""
    return lambda walk: walk.administrator(walk.things.contact(OWN), seen=1, **form)


def _asked_for_a_consent(walk: Walk) -> Sent:
    (category,) = walk.organisation.rows("select name from category order by id limit 1")
    return walk.administrator(walk.things.contact(OWN), category=category["name"], how="By telephone.")


def _of_contact_with_two_numbers(walk: Walk) -> Sent:
    number = walk.things.contact(OWN)["contact_id"]
    with walk.organisation.engine.begin() as connection:
        contact = find_contact(connection, BY, number)
        version = add_address(connection, contact, "phone", "+46701740605", by=BY, key=KEY).version
    return walk.administrator({"contact_id": number}, seen=version, address="phone-1")


def _of_contact_with(change: Callable[[Connection, ContactRow], object], **form: object) -> Case:
    """A form about something that a contact has."""

    def case(walk: Walk) -> Sent:
        number = walk.things.contact(OWN)["contact_id"]
        with walk.organisation.engine.begin() as connection:
            made = change(connection, find_contact(connection, BY, number))
            version = find_contact(connection, BY, number).version
        return walk.administrator({"contact_id": number}, seen=version, note=made, **form)

    return case


def _of_group_with_member(walk: Walk) -> Sent:
    group, contact = walk.things.group(OWN), walk.things.contact(OWN)["contact_id"]
    with walk.organisation.engine.begin() as connection:
        add_members(connection, find_group(connection, BY, group["group_id"]), [contact], by=BY)
    return walk.administrator(group, contact=contact)


def _of_group_and_contact(walk: Walk) -> Sent:
    with walk.organisation.engine.begin() as connection:
        number = walk.things.contact(OWN)["contact_id"]
        return walk.administrator(walk.things.group(OWN), members=find_contact(connection, BY, number).external_id)


def _of_list_with_group(walk: Walk) -> Sent:
    group = walk.things.group(OWN)["group_id"]
    with walk.organisation.engine.begin() as connection:
        made = make_list(connection, by=BY, team=OWN, name="With a group", entries=[Entry("group", group)])
    return walk.administrator({"list_id": made.id}, seen=made.version, entry=f"group:{group}", how="include")


def _of_list(walk: Walk) -> Sent:
    group = walk.things.group(OWN)["group_id"]
    return walk.administrator(walk.things.list(OWN), seen=1, what=f"group:{group}", how="include")


def _of_import(what: str) -> Case:
    """A form of an import that was given in by a page and looked at; to take it back it is applied first."""

    def case(walk: Walk) -> Sent:
        sent = walk.administrator()
        file = ("people.csv", b"external_id,phone\n%s,+491701234567\n" % what.encode())
        given = {"team": OWN, "mode": "add", "file": file}
        answer = sent.visitor.post("/contact-imports/new", csrf=sent.visitor.csrf, **given)
        number = int(answer.headers["location"].rpartition("/")[2])
        carry_on = partial(carry_on_all, walk.organisation.engine, walk.portal.settings)
        carry_on()
        if what == "undo":
            sent.visitor.post(f"/contact-imports/{number}/apply", csrf=sent.visitor.csrf, seen="checked")
            carry_on()
        return Sent(sent.visitor, sent.actor, {"seen": "checked"}, {"import_id": number})

    return case


def _of_pair(walk: Walk) -> Sent:
    pair = walk.things.contact(OWN)
    return walk.administrator(pair, seen="1-1", keep=pair["contact_id"])


_ROW = {"what": "field:country", "how": "known", "with": "", "joined": "and", "action": "save"}
BOOK_FORMS: Mapping[str, Case] = {
    "/contacts/new": lambda walk: walk.administrator(team=OWN, external_id="N-1", name="Zoë Quinn"),
    "/contacts/{contact_id}/change": _of_contact(name="Another Name"),
    "/contacts/{contact_id}/addresses": _of_contact(kind="email", address="another@example.org"),
    "/contacts/{contact_id}/addresses/up": _of_contact_with_two_numbers,
    "/contacts/{contact_id}/addresses/remove": _of_contact(address="phone-0"),
    "/contacts/{contact_id}/ask": _asked_for_a_consent,
    "/contacts/{contact_id}/tags": _of_contact(tag="vip"),
    "/contacts/{contact_id}/tags/remove": _of_contact_with(
        lambda connection, contact: add_tags(connection, contact, ["vip"], by=BY), tag="vip"
    ),
    "/contacts/{contact_id}/notes": _of_contact(note="Call first."),
    "/contacts/{contact_id}/notes/remove": _of_contact_with(
        lambda connection, contact: add_note(connection, contact, "Call first.", by=BY)
    ),
    "/contacts/{contact_id}/remove": _of_contact(),
    "/contacts/{contact_id}/restore": _of_contact_with(
        lambda connection, contact: set_removed(connection, contact, by=BY, removed=True)
    ),
    "/contact-imports/new": lambda walk: walk.administrator(
        team=OWN, mode="add", file=("people.csv", b"external_id,phone\n1,+491701234567\n")
    ),
    "/contact-imports/{import_id}/apply": _of_import("apply"),
    "/contact-imports/{import_id}/discard": _of_import("discard"),
    "/contact-imports/{import_id}/undo": _of_import("undo"),
    "/duplicates/{contact_id}/{other_id}/merge": _of_pair,
    "/duplicates/{contact_id}/{other_id}/apart": _of_pair,
    "/merges/{merge_id}/undo": lambda walk: walk.administrator(walk.things.merge(OWN)),
    "/groups/new": lambda walk: walk.administrator(team=OWN, name="Choir"),
    "/groups/{group_id}/change": lambda walk: walk.administrator(walk.things.group(OWN), seen=1, name="Another choir"),
    "/groups/{group_id}/remove": lambda walk: walk.administrator(walk.things.group(OWN), seen=1),
    "/groups/{group_id}/members": _of_group_and_contact,
    "/groups/{group_id}/members/remove": _of_group_with_member,
    "/segments/new": lambda walk: walk.administrator(team=OWN, name="Known", **_ROW),
    "/segments/{segment_id}/change": lambda walk: walk.administrator(
        walk.things.segment(OWN), seen=1, name="Also known", **_ROW
    ),
    "/segments/{segment_id}/remove": lambda walk: walk.administrator(walk.things.segment(OWN), seen=1),
    "/lists/new": lambda walk: walk.administrator(team=OWN, name="Customers"),
    "/lists/{list_id}/change": lambda walk: walk.administrator(walk.things.list(OWN), seen=1, name="Other customers"),
    "/lists/{list_id}/remove": lambda walk: walk.administrator(walk.things.list(OWN), seen=1),
    "/lists/{list_id}/entries": _of_list,
    "/lists/{list_id}/entries/remove": _of_list_with_group,
}
"""The forms of the address book."""


def _to_list(walk: Walk) -> Sent:
    number = sends.listed(walk.organisation.engine)
    return walk.administrator(template=sends.notice(walk.organisation.engine), team=OWN, kind="list", list=number)


def _of_send(what: str, **form: object) -> Case:
    """A form of a send to pasted rows, by who prepares it; to be undone it is sent first."""

    def case(walk: Walk) -> Sent:
        sent = walk.administrator()
        template = sends.notice(walk.organisation.engine)
        given = {"template": template, "team": OWN, "rows": f"+49170123{45_000 + sum(map(ord, what))}"}
        address = sent.visitor.post("/send/paste", csrf=sent.visitor.csrf, **given).headers["location"]
        (seen,) = re.findall(r'name="seen" value="([^"]*)"', sent.visitor.get(address).text)
        if what == "undo":
            sent.visitor.post(f"{address}/send", csrf=sent.visitor.csrf, seen=seen)
        return Sent(sent.visitor, sent.actor, {"seen": seen, **form}, {"send_id": int(address.rpartition("/")[2])})

    return case


def _to_contact(walk: Walk) -> Sent:
    address = sends.single_address(walk.organisation.engine)
    sent = walk.administrator()
    given = {"feed": walk.organisation.feeds[OWN], "value.time": "09:30"}
    looked = sent.visitor.post(address, csrf=sent.visitor.csrf, action="look", **given)
    hidden = dict(re.findall(r'name="(seen|key)" value="([^"]*)"', looked.text))
    form = {**given, **hidden, "action": "send"}
    return Sent(sent.visitor, sent.actor, form, {"contact_id": int(address.rpartition("/")[2])})


SEND_FORMS: Mapping[str, Case] = {
    "/send/list": _to_list,
    "/send/file": lambda walk: walk.administrator(
        template=sends.notice(walk.organisation.engine), team=OWN, file=("notice.csv", sends.ROWS.encode())
    ),
    "/send/paste": lambda walk: walk.administrator(
        template=sends.notice(walk.organisation.engine), team=OWN, rows="+491701234567"
    ),
    "/send/{send_id}/time": _of_send("time", at="2031-01-01T08:00"),
    "/send/{send_id}/test": _of_send("test"),
    "/send/{send_id}/send": _of_send("send"),
    "/send/{send_id}/undo": _of_send("undo"),
    "/send/to/{contact_id}": _to_contact,
}
"""The forms of sends from the desk."""

WORK_FORMS: Mapping[str, Case] = {
    **BOOK_FORMS,
    **SEND_FORMS,
    "/approvals": _approval,
    "/campaigns/{campaign}/pause": _order("sending"),
    "/campaigns/{campaign}/resume": _order("paused"),
    "/campaigns/{campaign}/cancel": _order("paused"),
    "/campaigns/{campaign}/schedule": _order("scheduled"),
    "/uploads/new": _upload,
    "/templates/{template_id}/versions/{version}/restore": _earlier_version,
    "/alerts/close": lambda walk: walk.administrator(alert=walk.things.alert(OWN)["alert_id"]),
    "/suspensions/new": lambda walk: walk.administrator(channel="voice", team=OWN, reason="test", seen=f"voice:{OWN}"),
    "/suspensions/{suspension_id}/lift": lambda walk: walk.administrator(
        walk.things.suspension(OWN), why="It is mended."
    ),
    "/doubts/{message_id}": lambda walk: walk.administrator(walk.things.doubt(OWN), decision="failed"),
    "/doubts/campaign/{campaign}": _of_campaign_in_doubt,
    "/opt-outs/new": _opt_out_by_hand,
    "/opt-outs/{suppression_id}/lift": lambda walk: walk.administrator(
        walk.things.suppression(OWN), why="It is theirs again.", agreed="yes"
    ),
    "/opt-outs/probable/{reply_id}": lambda walk: walk.administrator(walk.things.reply(OWN), decision="opt_out"),
    "/settings/webhooks/new": _new_webhook,
    "/settings/webhooks/{webhook_id}/test": _of_webhook,
    "/settings/webhooks/{webhook_id}/rotate": _of_webhook,
    "/settings/webhooks/{webhook_id}/end": _of_webhook,
}
"""A form that is taken, by the path of its route."""
