"""The one error of templates: what is wrong, in which body, on which line of the file."""

from __future__ import annotations

from nightmail.errors import UsageError


class TemplateError(UsageError):
    """A template cannot be used. ``detail`` holds ``where`` (such as ``en/email/html``) and ``line``, where known."""

    def __init__(self, message: str, remedy: str = "", *, where: str = "", line: int | None = None) -> None:
        place = f" (line {line})" if line is not None else ""
        at = f"{where}{place}: " if where else ""
        super().__init__("template_invalid", f"{at}{message}", remedy, where=where, line=line)
        self.plain = message
        self.where = where
        self.line = line
