"""Placeholders of other tools: each notation with where it is described, and text that only looks like one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightmail.organisation.feeds import FeedSettings
from nightmail.preparation.file_contract import file_problems
from nightmail.preparation.preparation_settings import Preparation
from nightmail.templates import TemplateError, load_template, stored_template
from nightmail.templates.environments import Markup
from nightmail.templates.notations import foreign_placeholders

OTHERS = [
    # https://github.com/Mailtrain-org/mailtrain/issues/510, https://mailchimp.com/help/all-the-merge-tags-cheat-sheet/
    ("*|NAME|*", "NAME"),
    ("*|NAME:upper|*", "NAME"),
    # https://www.notifications.service.gov.uk/using-notify/personalisation
    ("((name))", "name"),
    ("((full name))", "full name"),
    ("((name??there))", "name"),
    # https://github.com/DoSomethingArchive/legacy-website/issues/1396
    ("[[name]]", "name"),
    # https://help.salesforce.com/s/articleView?id=sf.mc_es_personalization_strings.htm
    ("%%name%%", "name"),
    ("{!Contact.Name}", "Contact.Name"),
    # https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/batch-sending
    ("%recipient.name%", "recipient.name"),
    ("%NAME%", "NAME"),
    # https://developer.mozilla.org/en-US/docs/Web/JavaScript/Reference/Template_literals
    ("${name}", "name"),
    ("#{name}", "name"),
    # https://ejs.co/#docs, https://docs.ruby-lang.org/en/master/ERB.html
    ("<%= name %>", "name"),
    ("<%- name %>", "name"),
    ("<?php echo $name; ?>", "name"),
    ("<?= $name ?>", "name"),
    # https://smarty-php.github.io/smarty/stable/designers/language-variables/
    ("{$name}", "name"),
    # https://docs.python.org/3/library/string.html#format-string-syntax, .NET's composite formatting
    ("{name}", "name"),
    ("{ name }", "name"),
    ("{First Name}", "First Name"),
    ("{prénom}", "prénom"),
    ("{name|there}", "name"),
    ("{0}", "0"),
    ("{}", ""),
    ("%(name)s", "name"),
    ("%s", "s"),
    # https://docs.python.org/3/library/string.html#template-strings-strings
    ("$name", "name"),
    ("@name@", "name"),
    ("@@name@@", "name"),
    ("##name##", "name"),
    ("<<name>>", "name"),
    ("__name__", "name"),
    # A brace forgotten
    ("{name}}", "name"),
    ("{ {name} }", "name"),
]
IF_NAMED = [("[name]", "name"), ("<name>", "name"), ("«name»", "name"), ("#name#", "name")]
"""Ordinary text unless a column has the name."""


@pytest.mark.parametrize(("text", "name"), [*OTHERS, *IF_NAMED])
def test_notations_of_other_tools(text: str, name: str) -> None:
    (found,) = foreign_placeholders(f"Hi\nand {text}, bye.", Markup.TEXT)
    assert (found.text, found.name, found.line) == (text, name, 2)
    assert found.only_names == ((text, name) in IF_NAMED)


@pytest.mark.parametrize(("text", "name"), [*OTHERS, *IF_NAMED])
def test_a_column_of_the_name_makes_it_an_error(text: str, name: str) -> None:
    """Where the file has the column, nothing is sent; where the template has the placeholder, it is not even read."""
    if name in ("", "0", "s"):
        return
    column = "".join(sign if sign.isalnum() else "_" for sign in name.rpartition(".")[2]).lower()
    template = load_template({"languages": {"en": {"sms": f"Dear customer\nand {text}, bye."}}})
    preparation = Preparation(template=template, hash_key=b"k", feed=FeedSettings(channels=("sms",)))
    (problem,) = file_problems(preparation, ("phone", column), 1)
    assert problem.reason == "file_foreign_placeholder"
    assert text in problem.message and f"the column {column}" in problem.message
    assert problem.as_dict()["remedy"].startswith(f"Write {{{{ {column} }}}} in the template")
    assert file_problems(preparation, ("phone", "amount"), 1) == ()
    source = {"languages": {"en": {"sms": f"{{{{ {column} }}}} and {text}"}}}
    with pytest.raises(TemplateError, match="is how another tool writes a placeholder"):
        load_template(source)
    # A version that was published before goes on being read; its campaigns are stopped by the contract.
    kept = Preparation(template=stored_template(source), hash_key=b"k", feed=FeedSettings(channels=("sms",)))
    assert [p.reason for p in file_problems(kept, ("phone", column), 1)] == ["file_foreign_placeholder"]


@pytest.mark.parametrize(
    "text",
    [
        "Save 50% off today, 100% sure, 20%-30%",
        "Pay $5 or US$10 or $ 7, A$AP",
        "Write to a@b.example or @nightmail",
        "${{ amount }} [{{ name }}] ({{ name }}) %{{ n }}% <{{ name }}> #{{ n }} @{{ n }}",
        "C#, #1, #stop #start",
        "see (below) ((a) and (b)), [1] a[0]",
        "5 < 6 > 4, a << b >> c",
        ";-} :-{ {-: }-;",
        "https://a.example/?q=%C3%A9%20b&x=%2Fy#top",
        "{% raw %}{name} *|NAME|*{% endraw %}{# {name} #}",
        "*bold* _it_ ~no~ |x| **",
    ],
)
def test_ordinary_text_is_none(text: str) -> None:
    found = foreign_placeholders(text, Markup.TEXT)
    assert [entry for entry in found if not entry.only_names] == []


def test_it_may_stand_right_after_a_word() -> None:
    assert [entry.name for entry in foreign_placeholders("Dear{name}", Markup.TEXT)] == ["name"]


def test_a_page_is_looked_at_where_it_shows_text() -> None:
    """Styles, scripts and comments are none, addresses are; elements of HTML are no placeholders."""
    page = """<style>a{color:red} {name}</style><script>`${name}`</script>
<body style="x{name}"><!-- {name} --><address>x</address><title>t</title>
<a href="https://a.example/?e=*|EMAIL|*">y</a> &laquo;name&raquo; &lt;name&gt; <name>
<p>{name}"""
    found = [(entry.text, entry.line) for entry in foreign_placeholders(page, Markup.HTML)]
    assert found == [("*|EMAIL|*", 3), ("«name»", 3), ("<name>", 3), ("<name>", 3), ("{name}", 4)]


def test_the_line_of_the_file_is_named(tmp_path: Path) -> None:
    """In the warning, in the error, and where a column makes it one."""
    path = tmp_path / "t.yaml"
    path.write_text("languages:\n  en:\n    sms: |\n      Hi\n      {name}, bye\n    chat: ok\n")
    (finding,) = load_template(path).warnings()
    assert (finding.where, finding.line, finding.reason) == ("en/sms", 5, "template_foreign_placeholder")
    assert finding.message.startswith("en/sms (line 5): {name} looks like")
    assert load_template(path).warnings(("phone", "Name")) == ()
    path.write_text("languages:\n  en:\n    sms: |\n      Hi {{ name }}\n      {Name}, bye\n")
    with pytest.raises(TemplateError) as caught:
        load_template(path)
    assert caught.value.line == 5
    assert "Write {{ name }}" in caught.value.remedy


@pytest.mark.parametrize(
    ("placeholders", "body", "words"),
    [
        ({"x": {"fallback": "{{ y }}"}}, {"sms": "{{ x }}"}, "a fallback cannot hold placeholders"),
        ({"x": {"fallback": {"de": "{% if y %}"}}}, {"sms": "{{ x }}"}, "a fallback cannot hold placeholders"),
        ({}, {"voice": {"play": "https://a.example/{{x}}.mp3"}}, "address of an audio file"),
        (
            {},
            {"voice": {"say": "x", "question": {"prompt": "y", "answers": {"1": {"means": "z", "say": "{# no #}"}}}}},
            "cannot hold placeholders",
        ),
    ],
)
def test_our_own_notation_where_nothing_fills_it_in(placeholders: object, body: object, words: str) -> None:
    """Fallbacks, addresses of recordings and answers to keys are sent as they stand."""
    with pytest.raises(TemplateError, match=words):
        load_template({"placeholders": placeholders, "languages": {"en": body}})


@given(st.text(st.sampled_from("{}[]()<>%$#@*|&;=?!.:_ -\n'\"nameNAME0"), max_size=60))
def test_any_text_can_be_looked_through(text: str) -> None:
    """Every finding is where it says it is, and none overlaps another."""
    source = text.replace("{{", "").replace("{%", "").replace("{#", "").replace("#}", "")
    found = foreign_placeholders(source, Markup.TEXT)
    lines = source.split("\n")
    for entry in found:
        assert entry.text.split("\n")[0] in lines[entry.line - 1]
    assert sum(len(entry.text) for entry in found) <= len(source)
