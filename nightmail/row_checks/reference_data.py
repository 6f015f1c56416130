"""What is known before any file comes: numbering plans, names of countries, time zones, typing errors.

Each of these tables is made from its library's data when something first asks for it. A process that runs are forked
from makes all of them beforehand, so that no run has to: some 0.3 CPU-seconds each for a file of many countries.
"""

from __future__ import annotations


def load_reference_data() -> None:
    """Make every table that judging contacts needs, and keep it in this process."""
    from nightmail.row_checks.countries import country_code, country_codes
    from nightmail.row_checks.email_domains import typing_errors
    from nightmail.row_checks.emails import judge_email
    from nightmail.row_checks.languages import language_tag
    from nightmail.row_checks.phones import judge_phone, load_plans
    from nightmail.row_checks.time_zones import load_zones, time_zone_name

    load_plans()
    load_zones(country_codes())
    typing_errors()
    # A name has the table of all names made. Names of languages are left out: their table takes 130 MB to make.
    country_code("Deutschland")
    language_tag("de")
    time_zone_name("Europe/Berlin")
    judge_phone("+442079460000", None)
    judge_email("first.last@example.com")
