"""Versions of templates: why an earlier one does not come back."""

from __future__ import annotations

from nightmail.reasons.reason import Kind, Reason

TEMPLATES = (
    Reason(
        "template_version_unknown",
        Kind.SETUP,
        "The template {template} has no version {version}.",
        "Choose one of its versions.",
        title="The template has no version of that number.",
    ),
    Reason(
        "template_version_current",
        Kind.SETUP,
        "Version {version} of the template {template}, which is in force, says the same.",
        "Nothing is to be done.",
        title="The version in force says the same.",
    ),
    Reason(
        "template_changed",
        Kind.SETUP,
        "Another version of the template {template} came meanwhile: {version} is in force now.",
        "Look at what changed, then decide again.",
        title="Another version of the template came meanwhile.",
    ),
)
