"""The one error of templates: what is wrong, in which body, on which line of the file."""

from __future__ import annotations

from nightmail.errors import UsageError


class TemplateError(UsageError):
    """A template cannot be used (``template_invalid``).

    ``problem`` says what is wrong and ``advice`` what to write instead, each as a sentence; ``where`` is the place in the
    template, such as ``en/email/html``, and ``line`` the line of the file, where it is known. Both are in ``detail``.
    """

    def __init__(self, problem: str, advice: str = "", *, where: str = "", line: int | None = None) -> None:
        at = f" (line {line})" if line is not None else ""
        super().__init__(
            "template_invalid",
            place=f"{where}{at}: " if where else "",
            problem=problem.removesuffix("."),
            advice=advice,
            facts={"where": where, "line": line},
        )
        self.where = where
        self.line = line
