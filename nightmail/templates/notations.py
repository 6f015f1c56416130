"""Placeholders in the notation of other tools: text pasted from one of them would go out to everybody as it stands.

Looked for in the text that a body prints as it stands; what stands in ``raw`` is meant, and styles, scripts and comments of a
page are no text. Some notations are ordinary text as well, such as ``[name]``: those count only where a column or a
placeholder has that name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import unescape

from nightmail.templates.environments import Markup, environment
from nightmail.templates.html_places import Kind, Part, Place, read
from nightmail.templates.lexing import RawToken

_WORD = r"[^\W\d][\w.\-]*"
_WORDS = rf"[ \t]*(?P<name>{_WORD}(?:[ \t]+[\w.\-]+){{0,3}})[ \t]*"
_FILTERED = r"(?:[|:?,!][^\r\n<>{}\[\]()]{0,80})?"
"""A default or a format after the name, as several tools have it."""


@dataclass(frozen=True)
class _Notation:
    """How a tool, or several, write a placeholder. The pattern's group ``name`` is the placeholder's name, if it has one.

    ``only_names`` says that it counts only with the name of a column or placeholder.
    """

    pattern: re.Pattern[str]
    only_names: bool = False


def _notation(pattern: str, *, only_names: bool = False) -> _Notation:
    return _Notation(re.compile(pattern), only_names)


NOTATIONS = (
    # Mailchimp and Mandrill, https://mailchimp.com/help/all-the-merge-tags-cheat-sheet/
    _notation(rf"\*\|{_WORDS}{_FILTERED}\|\*"),
    # Salesforce, https://help.salesforce.com/s/articleView?id=sf.mc_es_personalization_strings.htm
    _notation(rf"%%(?:=[^%\r\n]{{0,60}}[(@])?{_WORDS}\)?(?:=)?%%"),
    _notation(rf"\{{!{_WORDS}\}}"),
    # ERB, EJS and ASP
    _notation(rf"<%[=\-#]?{_WORDS}[^%<>\r\n]{{0,80}}%>"),
    # PHP and Smarty
    _notation(rf"<\?(?:php|=)?[ \t]*(?:echo[ \t]+)?\$?{_WORDS}[^?<>\r\n]{{0,80}}\?>"),
    _notation(rf"\{{\$(?P<name>{_WORD})[^{{}}\r\n]{{0,80}}\}}"),
    # JavaScript, shells and Java; Ruby
    _notation(rf"[$#@%]\{{{_WORDS}{_FILTERED}\}}"),
    # GOV.UK Notify, https://www.notifications.service.gov.uk/using-notify/personalisation
    _notation(rf"\(\({_WORDS}(?:\?\?[^()\r\n]{{0,200}})?\)\)"),
    # TYPO3, Joomla, TinyMCE's and others' double brackets
    _notation(rf"\[\[{_WORDS}{_FILTERED}\]\]"),
    _notation(rf"\[%[ \t]*{_WORDS}%\]"),
    # Word's mail merge, and what becomes of its guillemets in plain text
    _notation(rf"<<(?P<name>{_WORD}(?:[ \t]+[\w.\-]+){{0,3}})>>"),
    _notation(rf"«{_WORDS}»", only_names=True),
    # Windows, Mailgun's %recipient.name%
    _notation(rf"(?<![%\w])%(?![0-9A-Fa-f]{{2}}%)(?P<name>{_WORD})%(?!\w)"),
    _notation(rf"%\((?P<name>{_WORD})\)[sdif]"),
    _notation(rf"(?<![#\w])##(?P<name>{_WORD})##(?!#)"),
    _notation(rf"(?<![@\w.])@@(?P<name>{_WORD})@@(?![\w@])"),
    _notation(rf"(?<![@\w.])@(?P<name>{_WORD})@(?![\w@])"),
    _notation(r"(?<![$\w])\$(?P<name>[A-Za-z_]\w+)\b\$?"),
    _notation(rf"\{{[ \t]+\{{{_WORDS}\}}[ \t]*\}}"),
    # Python, .NET and many more; numbers for .NET and Java
    _notation(rf"(?<!\{{)\{{{_WORDS}{_FILTERED}\}}(?!\}})"),
    _notation(r"(?<!\{)\{(?P<name>[0-9])\}(?!\})"),
    _notation(rf"(?<!\{{)\{{{_WORDS}\}}\}}"),
    # Ordinary text unless something has the name
    _notation(rf"(?<!\[)\[{_WORDS}\](?!\])", only_names=True),
    _notation(rf"(?<!<)<{_WORDS}>(?!>)", only_names=True),
    _notation(rf"(?<![#\w])#(?P<name>{_WORD})#(?![#\w])", only_names=True),
    _notation(r"(?<![\w_])__(?P<name>[A-Za-z]\w*?)__(?!\w)"),
    # C and Python, without a name
    _notation(r"(?<!\{)\{(?P<name>)\}(?!\})"),
    _notation(r"(?<![\w%])%(?P<name>(?:\d\$)?[sd])(?![\w%])"),
)


_ELEMENTS = frozenset(
    [
        "a",
        "abbr",
        "acronym",
        "address",
        "applet",
        "area",
        "article",
        "aside",
        "audio",
        "b",
        "base",
        "basefont",
        "bdi",
        "bdo",
        "bgsound",
        "big",
        "blink",
        "blockquote",
        "body",
        "br",
        "button",
        "canvas",
        "caption",
        "center",
        "cite",
        "code",
        "col",
        "colgroup",
        "data",
        "datalist",
        "dd",
        "del",
        "details",
        "dfn",
        "dialog",
        "dir",
        "div",
        "dl",
        "dt",
        "em",
        "embed",
        "fieldset",
        "figcaption",
        "figure",
        "font",
        "footer",
        "form",
        "frame",
        "frameset",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "head",
        "header",
        "hgroup",
        "hr",
        "html",
        "i",
        "iframe",
        "image",
        "img",
        "input",
        "ins",
        "kbd",
        "keygen",
        "label",
        "legend",
        "li",
        "link",
        "listing",
        "main",
        "map",
        "mark",
        "marquee",
        "math",
        "menu",
        "menuitem",
        "meta",
        "meter",
        "nav",
        "nobr",
        "noembed",
        "noframes",
        "noscript",
        "object",
        "ol",
        "optgroup",
        "option",
        "output",
        "p",
        "param",
        "picture",
        "plaintext",
        "pre",
        "progress",
        "q",
        "rb",
        "rp",
        "rt",
        "rtc",
        "ruby",
        "s",
        "samp",
        "script",
        "search",
        "section",
        "select",
        "slot",
        "small",
        "source",
        "span",
        "strike",
        "strong",
        "style",
        "sub",
        "summary",
        "sup",
        "svg",
        "table",
        "tbody",
        "td",
        "template",
        "textarea",
        "tfoot",
        "th",
        "thead",
        "time",
        "title",
        "tr",
        "track",
        "tt",
        "u",
        "ul",
        "var",
        "video",
        "wbr",
        "xmp",
    ]
)
"""The elements of HTML, old ones too: ``<address>`` is a tag, whatever columns a file has."""


@dataclass(frozen=True)
class ForeignPlaceholder:
    """What looks like another tool's placeholder: its text, its name, and the body's line on which it stands."""

    text: str
    name: str
    line: int
    only_names: bool
    """Whether it is ordinary text unless a column or a placeholder has its name."""

    def meant(self, names: Iterable[str]) -> str | None:
        """The one of these names that is meant: compared by letters and digits, without the table before a dot."""
        mine = {_folded(self.name), _folded(self.name.rpartition(".")[2])} - {""}
        return next((name for name in names if _folded(name) in mine), None)


def _folded(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def foreign_placeholders(source: str, markup: Markup) -> tuple[ForeignPlaceholder, ...]:
    """Find what looks like other tools' placeholders in a body that was parsed without fault."""
    found: list[tuple[int, int, ForeignPlaceholder]] = []
    for line, text in printed_texts(source, markup):
        taken: list[tuple[int, int]] = []
        for notation in NOTATIONS:
            for match in notation.pattern.finditer(text):
                if any(match.start() < end and start < match.end() for start, end in taken):
                    continue
                taken.append(match.span())
                at = line + text.count("\n", 0, match.start())
                foreign = ForeignPlaceholder(match[0], match["name"], at, notation.only_names)
                found.append((line, match.start(), foreign))
    return tuple(entry for _, _, entry in sorted(found, key=lambda placed: placed[:2]))


def printed_texts(source: str, markup: Markup) -> Iterator[tuple[int, str]]:
    """The texts that a body prints as they stand, each with its line; of a page without styles, scripts and comments."""
    place = Place()
    for line, text in _texts(environment("en", markup).lexer.tokeniter(source, None)):
        if markup is not Markup.HTML:
            yield line, text
            continue
        shown: list[str] = []
        for part in read(place, text):
            is_text = part.within.kind not in (Kind.RAW, Kind.COMMENT) and part.within.attribute != "style"
            shown.append(_of_page(part) if is_text else "\n" * part.text.count("\n"))
            place = part.after
        yield line, "".join(shown)


def _of_page(part: Part) -> str:
    """A part of a page with its character references read, and without the brackets of tags that HTML has."""
    if part.within.kind is Kind.TAG_NAME and part.after.tag in _ELEMENTS:
        return "/"
    return unescape(part.text) if part.within.kind is Kind.TEXT else part.text


def _texts(tokens: Iterable[RawToken]) -> Iterator[tuple[int, str]]:
    in_raw = False
    for line, kind, text in tokens:
        if kind in ("raw_begin", "raw_end"):
            in_raw = kind == "raw_begin"
        elif kind == "data" and not in_raw:
            yield line, text
