"""The pages of replies: by team, campaign, kind and day; what was said is shown with `personal.see` alone, and the look is kept."""

from __future__ import annotations

import csv
import re
from io import StringIO

from nightmail.access.permissions import Permission
from tests.portal.conftest import Organisation
from tests.portal.web.conftest import SignIn
from tests.portal.web.sample_attention import replies, reply_of


def test_what_was_said_and_what_it_answers_is_shown_with_personal_see_alone(
    organisation: Organisation, sign_in: SignIn
) -> None:
    made = replies(organisation.engine)
    plain = sign_in(Permission.REPLY_SEE)
    page = plain.get("/replies").text
    assert len(re.findall(r'<a href="/replies/([0-9]+)">', page)) == len(made)
    assert "bis morgen" not in page and "+491701234562" not in page and "Your visit is at 9." not in page
    assert "Asked for an end" in page and "waits for a decision" in page
    assert organisation.rows("select 1 from audit where action = 'personal.seen'") == []
    reader = sign_in(Permission.REPLY_SEE, Permission.PERSONAL_SEE)
    page = reader.get("/replies").text
    assert "bis morgen" in page and "+491701234562" in page and "Your visit is at 9." in page
    one = reader.get(f"/replies/{made[0]}").text
    assert "Your visit is at 9." in one and "bis morgen" in one
    looks = organisation.rows("select object, detail from audit where action = 'personal.seen' order by id")
    assert [row["object"] for row in looks] == [f"replies:{made[0]}-{made[-1]}", f"reply:{made[0]}"]


def test_filters_teams_and_the_file(organisation: Organisation, sign_in: SignIn) -> None:
    made = replies(organisation.engine)
    of_none = reply_of(organisation.engine, None, "to nobody", "text")
    billing = sign_in(Permission.REPLY_SEE, team="acme.billing")
    shown = [int(each) for each in re.findall(r'<a href="/replies/([0-9]+)">', billing.get("/replies").text)]
    assert shown == made[-2::-1]
    assert [billing.get(f"/replies/{each}").status_code for each in (made[0], made[-1], of_none)] == [200, 404, 404]
    upper = sign_in(Permission.REPLY_SEE, team="acme")
    key = organisation.rows("select key from campaign")[0]["key"]
    for query, expected in (
        ({"kind": "stop"}, [made[1]]),
        ({"team": "acme.care"}, [made[-1]]),
        ({"campaign": key, "kind": "text"}, [made[0]]),
        ({"campaign": "no-such"}, []),
        ({"channel": "email"}, []),
        ({"until": "2001-01-01"}, []),
        ({"since": "2001-01-01", "kind": "text"}, [of_none, made[-1], made[0]]),
    ):
        page = upper.get("/replies", params=query).text
        assert [int(each) for each in re.findall(r'<a href="/replies/([0-9]+)">', page)] == expected, query
    assert upper.get("/replies?since=yesterday").status_code == 422
    rows = list(csv.DictReader(StringIO(upper.get("/replies.csv?kind=text").content.decode("utf-8-sig"))))
    assert [row["Text"] for row in rows] == ["", "", ""] and "•" in rows[-1]["From"]
