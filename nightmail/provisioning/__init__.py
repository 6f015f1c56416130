"""Provisioning: an organisation set up from one file, by a plan of what would change and then the change.

What belongs here: what the file may hold, and how each kind of part comes into the database. What does not: what those parts
mean (:mod:`nightmail.organisation` and the rooms that use them), and the check that each part answers, which a command makes.
"""

from __future__ import annotations

from nightmail.provisioning.organisation import Organisation
from nightmail.provisioning.organisation_file import load_organisation, parse_organisation
from nightmail.provisioning.plan import Outcome, plan, provision
from nightmail.provisioning.setup import CANNOT, NO_CHANGE, Change, NewKey

__all__ = [
    "CANNOT",
    "NO_CHANGE",
    "Change",
    "NewKey",
    "Organisation",
    "Outcome",
    "load_organisation",
    "parse_organisation",
    "plan",
    "provision",
]
