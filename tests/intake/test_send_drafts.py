"""Sends from the desk: what was looked at is what is sent, once; what changed since is said, and nothing is sent."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from nightmail.access.people import get_person
from nightmail.access.principals import person_principal, system_principal
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.contact_files.kept_files import incoming_path
from nightmail.errors import ContactFileError, NightmailError, UsageError
from nightmail.intake.draft_looks import look
from nightmail.intake.draft_sends import send_draft
from nightmail.intake.pasted_rows import keep_pasted
from nightmail.intake.send_drafts import Chosen, DraftRow, find_draft, make_draft, remove_expired_drafts
from nightmail.intake.trial_messages import send_trial, trial_ways
from nightmail.organisation.stored_templates import template_content
from nightmail.organisation.team_settings import TeamSettings
from nightmail.privacy.signed_links import LinkError, Purpose, read_token
from nightmail.settings import settings
from nightmail.stated_times import StatedStart
from nightmail.store.clock import database_time
from nightmail.store.states import CampaignState
from nightmail.templates import stored_template
from nightmail.templates.template_listing import TemplateOverview, list_templates
from tests.portal.web.people import make_person
from tests.support.pipeline_rig import PHONES, PipelineRig, contact_rows

BY = system_principal("test")
TEAM = "acme.billing"


def template(rig: PipelineRig) -> TemplateOverview:
    with rig.engine.connect() as connection:
        return list_templates(connection, ["acme"])[0]


def drafted(rig: PipelineRig, content: str | None = None) -> DraftRow:
    """A file at the desk, not looked at yet."""
    raw = (content or contact_rows(3)).encode()
    path = incoming_path(settings().incoming_dir, "due.csv", uuid.uuid4().hex)
    path.write_bytes(raw)
    chosen = Chosen(source="file", name="due.csv", path=path, size=len(raw), sha256=hashlib.sha256(raw).hexdigest())
    with rig.engine.begin() as connection:
        return make_draft(connection, template(rig), TEAM, chosen, by=BY)


def looked(rig: PipelineRig, draft: DraftRow, start: StatedStart | None = None, *, personal: bool = True) -> DraftRow:
    return look(rig.engine, draft, settings(), by=BY, personal=personal, start=start)


def sent(rig: PipelineRig, draft: DraftRow, *, again: bool = False) -> CampaignRow:
    return send_draft(
        rig.engine, draft.id, by=BY, seen=draft.shown_hash or "", incoming=settings().incoming_dir, again=again
    )


def campaigns(rig: PipelineRig) -> int:
    return int(rig.rows("select count(*) from campaign")[0]["count"])


def test_what_was_shown_is_what_is_sent(rig: PipelineRig) -> None:
    """The counts, texts and reasons of the look are those of the campaign; a look itself leaves nothing behind."""
    rows = contact_rows(3) + "C9,12,Ann,1.00\nC10,,Ann,1.00\n"
    draft = looked(rig, drafted(rig, rows))
    assert draft.shown is not None
    assert campaigns(rig) == 0
    assert rig.rows("select id from received_file") == []
    assert draft.shown["counts"]["planned"] == 3
    assert sum(group["rows"] for group in draft.shown["verdict"]["rejects"]) == 2
    bodies = {each["body"] for each in draft.shown["previews"]}
    campaign = sent(rig, draft)
    rig.prepare(campaign)
    done = rig.campaign(campaign)
    assert done.state is CampaignState.SENDING
    assert {name: done.counts[name] for name in draft.shown["counts"]} == dict(draft.shown["counts"])
    assert bodies <= set(rig.table("messages", done)["body"].to_pylist())
    assert done.source == "portal"


def test_links_that_are_shown_are_as_long_as_those_that_are_sent_and_open_nothing(rig: PipelineRig) -> None:
    """A look renders no link by which anybody could be opted out; its segments and cost are those of the send."""
    rig.change(
        "update template_version set content = "
        "jsonb_set(content, '{languages,en,sms}', '\"Pay {{ amount }}. No more: {{ unsubscribe_url }}\"')"
    )
    draft = looked(rig, drafted(rig))
    assert draft.shown is not None
    shown = {each["line"]: each["body"] for each in draft.shown["previews"] if each["channel"] == "sms"}
    assert shown and all(body.endswith(".preview-preview-preview-") for body in shown.values())
    campaign = sent(rig, draft)
    rig.prepare(campaign)
    real = {row["line"]: row["body"] for row in rig.table("messages", rig.campaign(campaign)).to_pylist()}
    for line, body in shown.items():
        token = real[line].rpartition("/u/")[2]
        assert read_token(token, Purpose.UNSUBSCRIBE, [settings().key()]).message_id.line == line
        with pytest.raises(LinkError):
            read_token(body.rpartition("/u/")[2], Purpose.UNSUBSCRIBE, [settings().key()])
        assert len(body) == len(real[line])
    assert draft.shown["segments"] == rig.campaign(campaign).counts["stages"]["messages"]["segments"]


def test_a_form_that_is_sent_twice_sends_once(rig: PipelineRig) -> None:
    """The second click, and the back button's, lead to the campaign of the first."""
    draft = looked(rig, drafted(rig))
    assert sent(rig, draft).key == sent(rig, draft).key
    assert campaigns(rig) == 1


def _template_changes(rig: PipelineRig, _draft: DraftRow) -> None:
    rig.change(
        "insert into template_version (template_id, version, content) "
        "select template_id, 2, jsonb_set(content, '{languages,en,sms}', '\"Pay {{ amount }}.\"') from template_version"
    )


def _file_changes(_rig: PipelineRig, draft: DraftRow) -> None:
    Path(draft.path or "").write_text(contact_rows(4))


def _hour_passes(rig: PipelineRig, _draft: DraftRow) -> None:
    rig.change("update send_draft set shown_at = now() - interval '61 minutes'")


def _other_time(rig: PipelineRig, draft: DraftRow) -> None:
    with rig.engine.connect() as connection:
        now = database_time(connection)
    looked(rig, draft, StatedStart(now.replace(year=now.year + 1)))


@pytest.mark.parametrize("change", [_template_changes, _file_changes, _hour_passes, _other_time])
def test_what_changed_since_is_not_sent(rig: PipelineRig, change: Callable[[PipelineRig, DraftRow], None]) -> None:
    """A new version, another file, a look of long ago, a time that was changed in another window: a clear answer, and nothing."""
    draft = looked(rig, drafted(rig))
    change(rig, draft)
    with pytest.raises(UsageError) as refused:
        sent(rig, draft)
    assert refused.value.reason == "send_changed"
    assert campaigns(rig) == 0
    if change is not _file_changes:
        with rig.engine.connect() as connection:
            again = find_draft(connection, draft.id, by=BY)
        assert sent(rig, looked(rig, again, again.start if again.start_at else None)).key


def test_more_than_was_shown_waits_for_a_person(rig: PipelineRig) -> None:
    """An address that was suppressed when it was looked at, and is used again when it is prepared: not sent unseen."""
    first = rig.prepared(contact_rows(3))
    rig.change(
        "insert into suppression (channel, address_hash, reason, source) "
        "select 'sms', decode(:hash, 'hex'), 'hard_bounce', 'test'",
        hash=rig.table("messages", first)["address_hash"][0].as_py(),
    )
    draft = looked(rig, drafted(rig, contact_rows(3) + "\n"))
    assert draft.shown is not None
    assert (draft.shown["counts"]["planned"], draft.shown["counts"]["held"]) == (2, 1)
    campaign = sent(rig, draft)
    rig.change("delete from suppression")
    rig.prepare(campaign)
    done = rig.campaign(campaign)
    assert (done.state, done.counts["waits_for_approval"]["reason"]) == (
        CampaignState.AWAITING_APPROVAL,
        "more_than_shown",
    )


def test_the_same_content_is_sent_again_on_purpose_alone(rig: PipelineRig) -> None:
    """It is said before, refused when it is sent all the same, and done when it is meant."""
    sent(rig, looked(rig, drafted(rig)))
    draft = looked(rig, drafted(rig))
    assert draft.shown is not None
    assert draft.shown["repeats"]
    with pytest.raises(UsageError) as refused:
        sent(rig, draft)
    assert refused.value.reason == "send_repeated"
    assert sent(rig, draft, again=True).key != draft.shown["repeats"]
    assert campaigns(rig) == 2


def test_nobody_elses_draft_is_there(rig: PipelineRig) -> None:
    """A draft is its maker's alone."""
    draft = drafted(rig)
    with rig.engine.connect() as connection, pytest.raises(UsageError) as refused:
        find_draft(connection, draft.id, by=system_principal("somebody"))
    assert refused.value.reason == "send_unknown"


def test_a_draft_that_was_not_sent_goes_with_its_file(rig: PipelineRig) -> None:
    """After its time; the file of one that was sent stays with the campaign."""
    left, kept = drafted(rig), looked(rig, drafted(rig))
    campaign = sent(rig, kept)
    rig.change("update send_draft set expires_at = now() - interval '1 s'")
    assert remove_expired_drafts(rig.engine) == 2
    assert not Path(left.path or "").exists()
    assert Path(kept.path or "").exists()
    rig.prepare(campaign)
    assert rig.campaign(campaign).counts["planned"] == 3


def test_without_the_right_nothing_personal_is_kept(rig: PipelineRig) -> None:
    """Who may not see personal data gets counts and reasons, and no message or value of a row."""
    draft = looked(rig, drafted(rig, contact_rows(3) + "C9,12,Zebedee,1.00\n"), personal=False)
    assert draft.shown is not None
    written = str(draft.shown)
    assert "Zebedee" not in written
    assert "Ann1" not in written
    assert PHONES[0].replace(" ", "") not in written
    assert draft.shown["counts"]["planned"] == 3


def test_a_campaign_for_approval_says_so_before(rig: PipelineRig) -> None:
    """Where the team demands another person, the look says it, and the send waits."""
    rig.change("update team set settings = '{\"four_eyes\": {\"always\": true}}' where path = 'acme'")
    draft = looked(rig, drafted(rig))
    assert draft.shown is not None
    assert draft.shown["waits"]["reason"] == "approval_four_eyes_always"
    campaign = sent(rig, draft)
    rig.prepare(campaign)
    assert rig.campaign(campaign).state is CampaignState.AWAITING_APPROVAL


@pytest.mark.parametrize(
    ("pasted", "first_line"),
    [
        ("+447400100000\n+447400100001\n", "phone"),
        ("a@mail.example\r\n\r\n b@mail.example", "email"),
        ("phone\tamount\n+447400100000\t1.00", "phone\tamount"),
    ],
)
def test_pasted_rows_become_a_file(tmp_path: Path, pasted: str, first_line: str) -> None:
    """Addresses of one kind alone have one reading; everything else says its columns."""
    chosen = keep_pasted(pasted, tmp_path, "Pasted rows")
    lines = (chosen.path or tmp_path).read_text().splitlines()
    assert lines[0] == first_line
    assert hashlib.sha256((chosen.path or tmp_path).read_bytes()).hexdigest() == chosen.sha256


@pytest.mark.parametrize(
    ("pasted", "reason"),
    [
        (" \n ", "paste_empty"),
        ("phone,amount", "paste_empty"),
        ("phone\n" + "+447400100000\n" * 501, "paste_too_long"),
        ("\n".join(["+447400100000"] * 501), "paste_too_long"),
    ],
)
def test_pasted_rows_that_are_none(tmp_path: Path, pasted: str, reason: str) -> None:
    """Nothing, a header alone, more than fit: said, and nothing is kept."""
    with pytest.raises(ContactFileError) as refused:
        keep_pasted(pasted, tmp_path, "Pasted rows")
    assert refused.value.reason == reason
    assert list(tmp_path.rglob("*.csv")) == []


def test_a_mixed_column_has_no_reading_of_its_own(rig: PipelineRig) -> None:
    """Numbers and addresses in one column: no header is made up, and the file's reader says what is missing."""
    with rig.engine.begin() as connection:
        chosen = keep_pasted("+447400100000\na@mail.example", settings().incoming_dir, "Pasted rows")
        draft = make_draft(connection, template(rig), TEAM, chosen, by=BY)
    try:
        shown = looked(rig, draft).shown or {}
    except NightmailError as error:
        assert error.message
        return
    assert shown["problems"] or shown["counts"]["planned"] == 0


def test_a_test_to_oneself_goes_out_at_once_and_alone(rig: PipelineRig) -> None:
    """Without consent, approval or waiting, to the one address of who asked; marked, so that nobody takes it for a send."""
    rig.change(
        'update team set settings = \'{"four_eyes": {"always": true}, "hold_back_s": 600}\' where path = \'acme\''
    )
    rig.change("update category set needs_consent = true")
    number = make_person(rig.engine, role="dispatcher", team="acme")
    draft = looked(rig, drafted(rig))
    with rig.engine.begin() as connection:
        by = person_principal(connection, number)
        with pytest.raises(UsageError):
            send_trial(connection, draft, get_person(connection, number), by=BY)
        campaign, _ = send_trial(connection, draft, get_person(connection, number), by=by)
    rig.prepare(campaign)
    done = rig.campaign(campaign)
    assert (done.state, done.trial, done.held_until) == (CampaignState.SENDING, True, None)
    assert rig.table("messages", done)["address"].to_pylist() == ["person0@acme.example"]
    assert rig.rows("select sum(trials) as trials from send_draft")[0]["trials"] == 1


PHONE = {"number": "+447400100000", "name": "Phone of the desk"}


@pytest.mark.parametrize("channel", ["sms", "voice"])
def test_a_test_goes_to_a_phone_that_the_team_states_and_to_no_other(rig: PipelineRig, channel: str) -> None:
    """By text message and call, to a phone that a team above states; a number that somebody types reaches nobody."""
    stated = json.dumps({"trial_numbers": [PHONE], "four_eyes": {"always": True}})
    with rig.engine.begin() as connection:
        connection.execute(text("update team set settings = cast(:s as jsonb) where path = 'acme'"), {"s": stated})
    rig.change(
        "update template_version set content = "
        "jsonb_set(content, '{languages,en,voice}', '{\"say\": \"{{ amount }} is due.\"}')"
    )
    number = make_person(rig.engine, role="dispatcher", team="acme")
    draft = looked(rig, drafted(rig))
    with rig.engine.begin() as connection:
        by, person = person_principal(connection, number), get_person(connection, number)
        content = stored_template(dict(template_content(connection, draft.template_version_id) or {}))
        ways = [each for each in trial_ways(connection, TEAM, content, person) if each.channels == (channel,)]
        assert [(each.address, each.name) for each in ways] == [(PHONE["number"], PHONE["name"])]
        assert PHONE["number"] not in ways[0].word
        for unknown in (f"{channel}:+447400999999", f"{channel}:", "sms", PHONE["number"]):
            with pytest.raises(UsageError) as refused:
                send_trial(connection, draft, person, by=by, way=unknown)
            assert refused.value.reason == "trial_not_possible"
        campaign, _ = send_trial(connection, draft, person, by=by, way=ways[0].word)
    rig.prepare(campaign)
    done = rig.campaign(campaign)
    assert (done.state, done.trial) == (CampaignState.SENDING, True)
    sent_to = rig.table("messages", done).to_pylist()
    assert [(row["channel"], row["address"]) for row in sent_to] == [(channel, PHONE["number"])]


@pytest.mark.parametrize(
    "stated",
    [[{"number": "0170 1234567", "name": "Desk"}], [{"number": "+491701234567"}], [PHONE] * 21, [{"name": "x"}]],
)
def test_phones_for_tests_are_stated_in_full(stated: list[dict[str, str]]) -> None:
    with pytest.raises(ValueError, match="trial_numbers"):
        TeamSettings.model_validate({"trial_numbers": stated})
