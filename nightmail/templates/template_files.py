"""Templates by what a person types: the path of a file, or the name of a sample."""

from __future__ import annotations

from pathlib import Path

from nightmail.errors import UsageError
from nightmail.templates.bare_files import BARE_ENDINGS
from nightmail.templates.loading import load_template
from nightmail.templates.model import Template
from nightmail.templates.placeholder_reading import NAME

SAMPLE_TEMPLATES = Path(__file__).parent.parent.parent / "samples" / "templates"
"""The templates that are shipped."""

_ENDINGS = (".yaml", ".yml", ".json", *BARE_ENDINGS)


def find_template(asked: str, folders: tuple[Path, ...] = (SAMPLE_TEMPLATES,)) -> Template:
    """Find a template by a file's path, or by the name of one in ``folders``.

    Raises :class:`UsageError` (``template_unknown``) with the names there are.
    """
    path = Path(asked)
    if path.suffix.lower() in _ENDINGS:
        if not path.is_file():
            raise _unknown(asked, folders)
        return load_template(path)
    for folder in folders:
        for ending in (".yaml", ".yml"):
            if NAME.fullmatch(asked) and (folder / f"{asked}{ending}").is_file():
                return load_template(folder / f"{asked}{ending}")
    raise _unknown(asked, folders)


def _unknown(asked: str, folders: tuple[Path, ...]) -> UsageError:
    known = sample_names(folders)
    return UsageError(
        "template_unknown", value=asked, known=", ".join(known), facts={"value": asked, "known": list(known)}
    )


def sample_names(folders: tuple[Path, ...] = (SAMPLE_TEMPLATES,)) -> tuple[str, ...]:
    """Return the names of the templates in ``folders``, sorted."""
    return tuple(sorted({path.stem for folder in folders for path in folder.glob("*.y*ml")}))
