"""Reading the organisation file that ``nightmail provision ORG.yaml`` names; it is checked in full before anything is changed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from nightmail.errors import ConfigurationError, UsageError
from nightmail.provisioning.organisation import ADAPTERS, Organisation


def load_organisation(path: Path, adapters: Iterable[str]) -> Organisation:
    """Read and check an organisation file. Raises :class:`UsageError` or :class:`ConfigurationError` that names the key.

    ``adapters`` are the names that an account may state without its carrier and channel (``acme_sms``).
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_loader())  # noqa: S506 - a safe loader
    except FileNotFoundError as error:
        raise UsageError("organisation_invalid", problem=f"there is no file {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        problem = f"{path} cannot be read as UTF-8 YAML ({type(error).__name__})"
        raise UsageError("organisation_invalid", problem=problem) from error
    except yaml.YAMLError as error:
        problem = f"{path} is not YAML: {' '.join(str(error).split())}"
        raise ConfigurationError("organisation_invalid", problem=problem) from error
    if not isinstance(content, dict):
        problem = f"{path} must be a mapping with the key organisation, as in samples/organisation.yaml"
        raise ConfigurationError("organisation_invalid", problem=problem)
    return parse_organisation(content, path.name, adapters)


def _loader() -> Any:
    """YAML's safe loader, but for its belief that ``NO``, ``on`` and the like are true or false: Norway is a country."""

    class Loader(yaml.SafeLoader):
        pass

    boolean = "tag:yaml.org,2002:bool"
    Loader.yaml_implicit_resolvers = {
        letter: [(tag, pattern) for tag, pattern in resolvers if tag != boolean]
        for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver(boolean, re.compile("^(?:true|false)$", re.IGNORECASE), list("tTfF"))
    return Loader


def parse_organisation(content: dict[str, Any], name: str, adapters: Iterable[str]) -> Organisation:
    """Check an organisation's content; ``name`` stands in messages. Raises :class:`ConfigurationError`."""
    try:
        return Organisation.model_validate(content, context={ADAPTERS: sorted(adapters)})
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(part) for part in problem['loc']) or 'file'}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors()
        ]
        shown = "; ".join(problems[:5]) + (f"; and {len(problems) - 5} more" if len(problems) > 5 else "")
        problem = f"{name}: {shown}"
        raise ConfigurationError("organisation_invalid", problem=problem, facts={"problems": problems}) from error
