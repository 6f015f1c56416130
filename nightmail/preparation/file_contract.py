"""A feed's contract with its files: the columns that must be there, the number of rows, the share of rejects.

What breaks the contract stops the campaign before anything is sent; the verdict on a single row is
:mod:`nightmail.row_checks`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nightmail.contact_files import ContactFileSummary
from nightmail.errors import ContractError
from nightmail.lake import TableFile
from nightmail.preparation.preparation_settings import Preparation, placeholder_rules
from nightmail.reasons import sentence
from nightmail.reasons.problems import stated_problem
from nightmail.row_checks import ContactsSummary


@dataclass(frozen=True)
class ContractProblem:
    """One way in which a file breaks its feed's contract; nothing of such a file is sent."""

    reason: str
    fields: Mapping[str, Any]

    @property
    def message(self) -> str:
        """The sentence of the reason."""
        return sentence(self.reason, **self.fields)

    def as_error(self) -> ContractError:
        """The problem as the error that ends a command."""
        return ContractError(self.reason, **self.fields)

    def as_dict(self) -> dict[str, str]:
        """Return ``reason``, ``message`` and ``remedy``."""
        return stated_problem(self.reason, **self.fields)


def _problem(reason: str, **fields: object) -> ContractProblem:
    return ContractProblem(reason, fields)


def needed_columns(preparation: Preparation) -> tuple[str, ...]:
    """Return the columns that a file must have: the feed's ``required_columns``, and those the template cannot do without."""
    names = dict.fromkeys(preparation.feed.required_columns)
    for rule in placeholder_rules(preparation.template, preparation.feed, preparation.channels):
        # Country and time zone follow from a number where the file does not state them; each row is judged by itself.
        if rule.required and rule.name not in ("country", "time_zone"):
            names[rule.name] = None
    return tuple(names)


def file_problems(preparation: Preparation, columns: tuple[str, ...], rows: int) -> tuple[ContractProblem, ...]:
    """Return what is wrong with a file as read: columns that are missing, too few or too many rows."""
    found = [
        _problem("file_missing_column", column=name) for name in needed_columns(preparation) if name not in columns
    ]
    lacking = address_problem(preparation, columns)
    if lacking is not None:
        found.append(lacking)
    volume = preparation.feed.volume
    if rows < volume.at_least or (volume.at_most is not None and rows > volume.at_most):
        expected = f"at least {volume.at_least}" + (f" and at most {volume.at_most}" if volume.at_most else "")
        found.append(_problem("file_volume", rows=rows, expected=expected))
    return (*found, *template_problems(preparation, columns))


def template_problems(preparation: Preparation, columns: tuple[str, ...]) -> tuple[ContractProblem, ...]:
    """Return the columns of a file that the template's text names in another tool's notation, so that no value stands there."""
    names = (*preparation.template.placeholders, *columns, *preparation.feed.mapping)
    return tuple(
        _problem(
            "file_foreign_placeholder",
            place=finding.place,
            text=finding.fields["text"],
            column=meant,
            instead=f"{{{{ {meant} }}}}",
        )
        for finding, meant in preparation.template.findings.unfilled(names)
        if finding.channel in preparation.channels
    )


def address_problem(preparation: Preparation, columns: tuple[str, ...]) -> ContractProblem | None:
    """Return what is wrong with a file none of whose columns holds an address that the template can use."""
    usable = preparation.contact_rules(TableFile("")).usable_fields
    if not usable or any(name in columns for name in usable):
        return None
    return _problem("file_missing_column", column=" / ".join(usable))


def reject_problems(
    preparation: Preparation, rows: int, rejects: int, corrections: bool = False
) -> tuple[ContractProblem, ...]:
    """Return what is wrong when too many rows were rejected; a corrected reject file (``corrections``) has no limit."""
    feed = preparation.feed
    if not corrections and rows >= feed.reject_limit_from_rows and rejects > rows * feed.reject_limit:
        return (_problem("file_over_reject_limit", share=f"{rejects / rows:.1%}", limit=f"{feed.reject_limit:.1%}"),)
    return ()


def shared_key_problems(preparation: Preparation, rows: int, shared_keys: int) -> tuple[ContractProblem, ...]:
    """Return what is wrong when too many rows were taken for one contact with rows of other addresses, by their key."""
    feed = preparation.feed
    if rows >= feed.reject_limit_from_rows and shared_keys > rows * feed.shared_key_limit:
        share, limit = f"{shared_keys / rows:.1%}", f"{feed.shared_key_limit:.1%}"
        return (_problem("file_over_shared_key_limit", share=share, limit=limit),)
    return ()


def contract_problems(
    preparation: Preparation, contact_file: ContactFileSummary, contacts: ContactsSummary
) -> tuple[ContractProblem, ...]:
    """Return all ways in which a file breaks its feed's contract; none when it keeps it."""
    return (
        file_problems(preparation, contact_file.columns, contact_file.rows)
        + reject_problems(preparation, contacts.rows, contacts.rejects, contact_file.own_rejects)
        + shared_key_problems(preparation, contacts.rows, contacts.shared_keys)
    )
