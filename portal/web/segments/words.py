"""What the rows of a rule are called: the standard fields, and how each is compared."""

from __future__ import annotations

from collections.abc import Mapping

from nightmail.contacts.segment_rules import Subject, Test
from portal.web.translating import marked

FIELDS: Mapping[str, str] = {
    "external_id": marked("External id"),
    "name": marked("Name"),
    "first_name": marked("First name"),
    "last_name": marked("Last name"),
    "company": marked("Company"),
    "phone": marked("Mobile number"),
    "phone_2": marked("Second mobile number"),
    "landline": marked("Landline number"),
    "email": marked("Email address"),
    "country": marked("Country"),
    "language": marked("Language"),
    "time_zone": marked("Time zone"),
    "birth_date": marked("Birth date"),
}
"""The standard fields."""

TESTS: Mapping[Test, str] = {
    Test.IS_ONE_OF: marked("is one of"),
    Test.IS_NONE_OF: marked("is known and none of"),
    Test.BEGINS_WITH: marked("begins with"),
    Test.AT_LEAST: marked("is at least"),
    Test.AT_MOST: marked("is at most"),
    Test.ON_OR_AFTER: marked("is on that day or later"),
    Test.ON_OR_BEFORE: marked("is on that day or earlier"),
    Test.IN_LAST_DAYS: marked("is within the last days"),
    Test.IN_NEXT_DAYS: marked("is within the next days"),
    Test.IS_TRUE: marked("is yes"),
    Test.IS_FALSE: marked("is no"),
    Test.KNOWN: marked("is known"),
    Test.UNKNOWN: marked("is not known"),
    Test.HAS: marked("is there"),
    Test.HAS_NOT: marked("is not there"),
    Test.OPTED_IN: marked("wants it"),
    Test.OPTED_OUT: marked("does not want it"),
    Test.NOT_CHOSEN: marked("has not chosen"),
    Test.PREFERRED: marked("is the first choice"),
    Test.GIVEN: marked("is given"),
    Test.WITHDRAWN: marked("is withdrawn"),
    Test.NEVER_GIVEN: marked("was never given"),
    Test.SENT_IN_LAST_DAYS: marked("one was sent within the last days"),
    Test.NOT_SENT_IN_LAST_DAYS: marked("none was sent within the last days"),
    Test.OPENED_IN_LAST_DAYS: marked("one of the last days was opened"),
    Test.ANSWERED_IN_LAST_DAYS: marked("one of the last days was answered"),
}
"""How each test is called."""

TESTS_OF: Mapping[tuple[Subject, Test], str] = {
    (Subject.PAUSE, Test.IS_TRUE): marked("is running"),
    (Subject.PAUSE, Test.IS_FALSE): marked("is not running"),
    (Subject.GROUP, Test.HAS): marked("they are in it"),
    (Subject.GROUP, Test.HAS_NOT): marked("they are not in it"),
}
"""Tests that are called otherwise for a subject."""
