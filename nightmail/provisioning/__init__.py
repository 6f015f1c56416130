"""Setting an organisation up from one file: a plan of what would change, the change, and checks that each part answers."""

from nightmail.provisioning.organisation import Organisation, load_organisation, parse_organisation
from nightmail.provisioning.plan import Change, NewKey, Outcome, plan, provision, provision_outside

__all__ = [
    "Change",
    "NewKey",
    "Organisation",
    "Outcome",
    "load_organisation",
    "parse_organisation",
    "plan",
    "provision",
    "provision_outside",
]
