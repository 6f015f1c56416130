"""The sandbox is a witness: it must be reproducible, say what it took, and refuse what the carriers refuse."""

from __future__ import annotations

import base64
import concurrent.futures
import http.client
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

import pytest

from sandbox.behaviour import Behaviour
from sandbox.faults import FAULT_KINDS, Faults
from sandbox.twilio.calls import walk
from sandbox.twilio.segments import segments_of
from sandbox.witness import message_id_in
from tests.support.sandbox_process import ROOT, RunningCarriers, WebhookReceiver, eventually

pytestmark = pytest.mark.real_parts

ACCOUNT = "AC" + "5a" * 16


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCarriers]:
    carriers = RunningCarriers(tmp_path_factory.mktemp("carriers"))
    carriers.behave(delay_s=0.01, spread_s=0.01)
    yield carriers
    assert carriers.stop() == 0


def twilio(running, path, form=None, token="sandbox-auth-token"):
    credentials = base64.b64encode(f"{ACCOUNT}:{token}".encode()).decode()
    url = f"{running.base_url}/2010-04-01/Accounts/{ACCOUNT}{path}"
    data = None if form is None else urlencode(form, doseq=True).encode()
    try:
        with urlopen(Request(url, data=data, headers={"Authorization": f"Basic {credentials}"})) as response:
            return response.status, json.loads(response.read())
    except HTTPError as error:
        return error.code, json.loads(error.read())


def send(running, to="+447700900123", **form):
    return twilio(running, "/Messages.json", {"To": to, "From": "+15005550006", "Body": "Hello", **form})


@pytest.mark.parametrize(
    ("form", "code", "status"),
    [
        ({"To": ""}, 21604, 400),
        ({"Body": ""}, 21602, 400),
        ({"From": ""}, 21603, 400),
        ({"To": "123"}, 21211, 400),
        ({"To": "07700 900123"}, 21211, 400),
        ({"From": "not_a_sender"}, 21212, 400),
        ({"From": "+15005550008"}, 21611, 429),
        ({"From": "+447700900123"}, 21266, 400),
        ({"Body": "x" * 1601}, 21617, 400),
        ({"StatusCallback": "nowhere"}, 21609, 400),
        ({"MessagingServiceSid": "MG1"}, 21212, 400),
    ],
)
def test_a_message_that_twilio_refuses_is_refused_with_its_code(running, form, code, status):
    whole = {"To": "+447700900123", "From": "+15005550006", "Body": "x", **form}
    got, answer = twilio(running, "/Messages.json", whole)
    assert (got, answer["code"], answer["status"]) == (status, code, status)
    assert answer["more_info"].endswith(str(code))


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"To": ""}, 21201),
        ({"From": ""}, 21213),
        ({"Twiml": ""}, 21205),
        ({"Twiml": "<Response>"}, 20001),
        ({"Twiml": "<Response>" + "x" * 4000 + "</Response>"}, 20001),
        ({"StatusCallback": "nowhere"}, 21609),
    ],
)
def test_a_call_that_twilio_refuses_is_refused(running, form, code):
    whole = {"To": "+447700900123", "From": "+15005550006", "Twiml": "<Response/>", **form}
    assert twilio(running, "/Calls.json", whole)[1]["code"] == code


def test_wrong_credentials_and_unknown_addresses(running):
    assert twilio(running, "/Messages.json", {"To": "+44"}, token="wrong")[1]["code"] == 20003
    assert twilio(running, "/Faxes.json")[0] == 404
    assert twilio(running, f"/Messages/SM{'0' * 32}.json")[1]["code"] == 20404


def test_lists_are_paged_newest_first_and_narrowed(running):
    number = "+447700900777"
    sids = [send(running, number, Body=f"text {n}")[1]["sid"] for n in range(7)]
    seen, path = [], f"/Messages.json?{urlencode({'To': number, 'PageSize': 3})}"
    while path:
        status, page = twilio(running, path.partition(f"Accounts/{ACCOUNT}")[2] or path)
        assert status == 200 and len(page["messages"]) <= 3
        seen += [row["sid"] for row in page["messages"]]
        path = page["next_page_uri"]
    assert seen == sids[::-1]

    def all_sent():
        found = [twilio(running, f"/Messages/{sid}.json")[1] for sid in sids]
        return found if all(row["date_sent"] for row in found) else None

    sent = parsedate_to_datetime(eventually(all_sent)[0]["date_sent"])
    for query, count in (
        ({"DateSent>": sent.strftime("%Y-%m-%d")}, 7),
        ({"DateSent<": "2020-01-01"}, 0),
        ({"DateSent": sent.strftime("%Y-%m-%d")}, 7),
        ({"From": "+15005550099"}, 0),
    ):
        rows = twilio(running, f"/Messages.json?{urlencode({'To': number, **query})}")[1]["messages"]
        assert len(rows) == count, query


def test_the_witness_has_every_message_before_its_answer(running):
    before = len(running.accepted())
    for number in range(20):
        send(running, StatusCallback=f"http://127.0.0.1:9/x?message_id=c00000000bb-{number + 2}-sms-0")
        assert len(running.accepted()) == before + number + 1
    rows = running.accepted()[before:]
    assert [row["message_id"] for row in rows] == [f"c00000000bb-{n + 2}-sms-0" for n in range(20)]
    assert set(rows[0]) >= {"message_id", "carrier_id", "channel", "to", "body_sha256", "at"}


def test_it_takes_thousands_of_requests_from_many_connections_and_loses_none(running):
    before = len(running.accepted())
    credentials = base64.b64encode(f"{ACCOUNT}:sandbox-auth-token".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/x-www-form-urlencoded"}
    parts = urlsplit(running.base_url)

    def work(worker):
        connection = http.client.HTTPConnection(parts.hostname, parts.port)
        sids = []
        for number in range(250):
            body = urlencode({"To": f"+4477{worker:02d}{number:06d}", "From": "+15005550006", "Body": "x"})
            connection.request("POST", f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json", body, headers)
            sids.append(json.loads(connection.getresponse().read())["sid"])
        connection.close()
        return sids

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        sids = [sid for part in pool.map(work, range(8)) for sid in part]
    assert len(set(sids)) == 2000
    assert {row["carrier_id"] for row in running.accepted()[before:]} == set(sids)


def test_a_rate_limit_is_kept(running):
    running.behave(requests_per_second=5)
    statuses = Counter(send(running)[0] for _ in range(30))
    running.behave(requests_per_second=0)
    assert statuses[429] >= 15 and statuses[201] >= 5


def test_receipts_come_late_twice_out_of_order_and_not_at_all_as_asked(running):
    receiver = WebhookReceiver()
    running.behave(sms={"delivered": 1}, reorder_share=1.0)
    callback = f"{receiver.base_url}/s"
    send(running, "+447700900201", StatusCallback=callback)
    posted = receiver.wait_for(lambda p: len(p) == 2)
    assert [p.form["MessageStatus"] for p in posted] == ["delivered", "sent"]
    running.behave(reorder_share=0.0, lost_share=1.0)
    sid = send(running, "+447700900202", StatusCallback=callback)[1]["sid"]
    eventually(lambda: twilio(running, f"/Messages/{sid}.json")[1]["status"] == "delivered")
    running.behave(lost_share=0.0, intermediate=False)
    send(running, "+447700900203", StatusCallback=callback)
    posted = receiver.wait_for(lambda p: len(p) == 3)
    assert posted[-1].form["To"] == "+447700900203" and posted[-1].form["MessageStatus"] == "delivered"
    running.behave(intermediate=True)
    receiver.stop()


def test_a_webhook_that_is_not_taken_is_posted_again(running):
    answers = iter([503, 500, 200])
    receiver = WebhookReceiver(lambda posted: (next(answers, 200), b""))
    running.behave(sms={"delivered": 1}, intermediate=False)
    send(running, "+447700900204", StatusCallback=f"{receiver.base_url}/s")
    posted = receiver.wait_for(lambda p: len(p) == 3)
    assert len({p.body for p in posted}) == 1
    running.behave(intermediate=True)
    receiver.stop()


def test_controls_that_make_no_sense_are_refused_and_change_nothing(running):
    for path, content in (
        ("/faults", {"rules": [{"kind": "meteor"}]}),
        ("/faults", {"rules": [{"kind": "429", "how": "often"}]}),
        ("/behaviour", {"mood": "bad"}),
        ("/inbound", {"from": "+44"}),
    ):
        with pytest.raises(HTTPError) as caught:
            running.ask(path, content)
        assert caught.value.code == 400
    assert running.ask("/faults")["rules"] == [] and "mood" not in running.ask("/behaviour")


def test_a_malformed_request_is_answered_and_the_server_lives(running):
    parts = urlsplit(running.base_url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port)
    connection.connect()
    connection.sock.sendall(b"NONSENSE\r\n\r\n")
    assert b"400" in connection.sock.recv(1000)
    connection.close()
    assert running.ask()["accepted"] >= 0


def test_sendgrid_refuses_what_it_would(running):
    def post(content, key="SG.sandbox-api-key"):
        request = Request(
            f"{running.base_url}/v3/mail/send",
            json.dumps(content).encode(),
            {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        try:
            with urlopen(request) as response:
                return response.status, None
        except HTTPError as error:
            return error.code, json.loads(error.read())["errors"][0]["field"]

    person = {"to": [{"email": "a@mail.example"}], "subject": "S"}
    good = {
        "from": {"email": "b@acme.example"},
        "personalizations": [person],
        "content": [{"type": "text/plain", "value": "x"}],
    }
    assert post(good) == (202, None)
    assert post(good, key="wrong")[0] == 401
    for change, field in (
        ({"from": {}}, "from.email"),
        ({"personalizations": []}, "personalizations"),
        ({"personalizations": [person] * 1001}, "personalizations"),
        ({"personalizations": [person, person]}, "personalizations"),
        ({"personalizations": [{"to": [{"email": "no"}], "subject": "S"}]}, "personalizations.0.to.0.email"),
        ({"personalizations": [{**person, "subject": ""}]}, "subject"),
        (
            {"personalizations": [{**person, "substitutions": {"-a-": "x" * 10_000}}]},
            "personalizations.0.substitutions",
        ),
        ({"content": []}, "content"),
        ({"content": [{"type": "text/plain", "value": ""}]}, "content.0.value"),
        ({"categories": ["c"] * 11}, "categories"),
    ):
        assert post({**good, **change}) == (400, field), change


def test_the_same_seed_has_the_same_fate():
    numbers = [f"+4477009{n:05d}" for n in range(3000)]
    one, same, other = Behaviour(seed=1), Behaviour(seed=1), Behaviour(seed=2)
    fates = [one.sms_fate(number) for number in numbers]
    assert fates == [same.sms_fate(number) for number in numbers]
    assert fates != [other.sms_fate(number) for number in numbers]
    counts = Counter(fate for fate, _ in fates)
    assert 0.95 < counts["delivered"] / 3000 < 0.98 and counts["failed"] > 5
    assert {one.call_fate(number)[0] for number in numbers} == {"human", "machine", "busy", "no-answer", "failed"}


def test_addresses_with_a_fixed_fate_have_it_under_every_seed():
    for seed in range(20):
        behaviour = Behaviour(seed=seed)
        assert behaviour.sms_fate("+447700907011") == ("undelivered", 30005)
        assert behaviour.call_fate("+447700907036") == ("human", "r1")
        assert behaviour.email_fate("bounce@mail.example") == ["bounce"]
        assert behaviour.email_fate("bounce+7@mail.example") == ["bounce"]
    # A name that only begins like one is drawn like any other.
    assert len({tuple(Behaviour(seed=seed).email_fate("clickety@mail.example")) for seed in range(40)}) > 1


def test_faults_are_drawn_alike_from_the_same_seed_and_end():
    def hits(seed):
        faults = Faults(seed)
        faults.replace([{"kind": "429", "share": 0.3, "count": 10, "skip": 2, "on": "messages", "to": "+44"}])
        return [faults.draw("messages", "+44") is not None for _ in range(100)]

    assert hits(1) == hits(1) != hits(2)
    assert sum(hits(1)) == 10 and hits(1)[:2] == [False, False]
    faults = Faults(1)
    faults.replace([{"kind": kind} for kind in FAULT_KINDS])
    assert faults.draw("mail").kind == "429"
    faults.replace([{"kind": "429", "on": "messages", "to": "+44"}])
    assert faults.draw("calls", "+44") is None and faults.draw("messages", "+49") is None


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("x" * 160, 1),
        ("x" * 161, 2),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("я" * 70, 1),
        ("я" * 71, 2),
        ("🌙" * 35, 1),
        ("", 1),
    ],
)
def test_segments_are_counted_as_the_standard_says(body, count):
    assert segments_of(body) == count


def test_a_document_is_followed():
    from xml.etree.ElementTree import fromstring

    asking = fromstring('<R><Gather action="/k" timeout="4"><Say>one two three</Say></Gather><Say>bye</Say></R>')
    assert walk(asking, "1", machine=False)[1:] == ("/k", "1", "")
    assert walk(asking, "r1", machine=False)[1:] == ("/k", "*", "1")
    assert walk(asking, "", machine=False)[1:] == (None, "", "")
    assert walk(asking, "1", machine=True)[1] is None
    assert walk(fromstring("<R><Redirect>/next</Redirect></R>"), "", machine=False)[1] == "/next"
    assert walk(fromstring("<R><Hangup/><Redirect>/next</Redirect></R>"), "", machine=False)[1] is None


def test_a_call_whose_document_is_at_an_address_fetches_it_signed(running):
    from twilio.request_validator import RequestValidator

    receiver = WebhookReceiver(lambda posted: (200, b"<Response><Say>Hello there</Say></Response>"))
    sid = twilio(
        running, "/Calls.json", {"To": "+447700907037", "From": "+1500555000", "Url": receiver.base_url + "/t"}
    )
    sid = sid[1]["sid"]
    (posted,) = receiver.wait_for(lambda p: len(p) == 1)
    validator = RequestValidator("sandbox-auth-token")
    assert validator.validate(posted.url, posted.form, posted.headers["X-Twilio-Signature"])
    ended = eventually(lambda: (call := twilio(running, f"/Calls/{sid}.json")[1])["status"] == "completed" and call)
    assert int(ended["duration"]) >= 2 and ended["price"].startswith("-")
    receiver.stop()


def test_message_ids_are_found_wherever_they_travel():
    for text in (
        "https://n.example/s?message_id=c00000000aa-17-sms-0",
        "https://n.example/c00000000aa-17-sms-0/status",
        "Message-ID: <c00000000aa-17-sms-0@acme.example>",
    ):
        assert message_id_in(text) == "c00000000aa-17-sms-0"
    assert message_id_in("https://n.example/") is None and message_id_in(None) is None


def test_fixed_answers_keep_nothing(tmp_path):
    carriers = RunningCarriers(tmp_path, "--fixed-answers")
    assert send(carriers)[0] == 201 and carriers.ask()["fixed_answers"] == 1
    assert carriers.accepted() == []
    carriers.stop()


def test_a_config_file_sets_behaviour_and_faults(tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"behaviour": {"seed": 9}, "faults": [{"kind": "429", "count": 1}]}))
    carriers = RunningCarriers(tmp_path, "--config", str(config))
    assert send(carriers)[0] == 429 and send(carriers)[0] == 201
    assert carriers.ask("/behaviour")["seed"] == 9
    carriers.stop()


def test_the_sandbox_uses_nothing_of_the_products_code():
    """A witness that shared code with the accused would share its errors."""
    for file in (ROOT / "sandbox").glob("*.py"):
        imports = [line for line in file.read_text().splitlines() if line.startswith(("import ", "from "))]
        assert not [line for line in imports if line.split()[1].split(".")[0] in ("nightmail", "resources", "portal")]


def test_help_is_there():
    for module in ("sandbox.carriers", "sandbox.sftp_server"):
        done = subprocess.run(
            [sys.executable, "-m", module, "--help"], capture_output=True, text=True, check=True, cwd=Path(ROOT)
        )
        assert "--state-dir" in done.stdout
