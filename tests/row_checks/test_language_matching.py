"""Which language a person gets: by CLDR's likely subtags, parent locales and macrolanguages, not by the letters of tags."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightmail.row_checks.language_matching import choose_language, language_chain

CHINESE = ("en", "zh-Hans", "zh-Hant")
SERBIAN = ("en", "sr", "sr-Latn")


@pytest.mark.parametrize(
    ("language", "available", "default", "expected"),
    [
        ("pt-BR", ("en", "pt-BR", "pt"), "en", "pt-BR"),
        ("pt-BR", ("en", "pt"), "en", "pt"),
        ("pt-BR", ("en", "de"), "en", "en"),
        ("PT-br", ("en", "pt-BR"), "en", "pt-BR"),
        ("pt", ("en", "pt-BR"), "en", "pt-BR"),
        ("zh-Hant-HK", ("en", "zh-Hant"), "en", "zh-Hant"),
        (None, ("en", "de"), "de", "de"),
        ("fr", ("de",), "en", None),
        ("fr", (), "en", None),
        ("fr", ("en",), "en-GB", "en"),
        # CLDR, supplemental/likelySubtags.xml: zh_TW -> zh_Hant_TW, zh_HK -> zh_Hant_HK, zh -> zh_Hans_CN
        # https://github.com/falling-fruit/falling-fruit-web/issues/753
        ("zh-TW", CHINESE, "en", "zh-Hant"),
        ("zh-HK", CHINESE, "en", "zh-Hant"),
        ("zh-MO", CHINESE, "en", "zh-Hant"),
        ("zh_TW", CHINESE, "en", "zh-Hant"),
        ("zh-Hant", CHINESE, "en", "zh-Hant"),
        ("cmn-TW", CHINESE, "en", "zh-Hant"),
        ("zh-CN", CHINESE, "en", "zh-Hans"),
        ("zh-SG", CHINESE, "en", "zh-Hans"),
        ("zh", CHINESE, "en", "zh-Hans"),
        ("zh-TW", ("en", "zh-Hans"), "en", "en"),  # never Simplified for a reader of Traditional Chinese
        ("zh-TW", ("en", "zh"), "en", "en"),
        ("zh-CN", ("en", "zh-Hant"), "en", "en"),
        ("zh-TW", ("en", "zh-HK", "zh-CN"), "en", "zh-HK"),
        ("zh-Hant", ("en", "zh-TW", "zh-CN"), "en", "zh-TW"),
        ("yue", CHINESE, "en", "zh-Hant"),  # ISO 639-3: yue is a member of zho; CLDR writes it in Hant
        # sr -> sr_Cyrl_RS, sr_ME -> sr_Latn_ME
        ("sr", SERBIAN, "en", "sr"),
        ("sr-RS", SERBIAN, "en", "sr"),
        ("sr-Latn-RS", SERBIAN, "en", "sr-Latn"),
        ("sr-ME", SERBIAN, "en", "sr-Latn"),
        ("sr-Cyrl-BA", ("en", "sr-Latn"), "en", "en"),
        ("sh", SERBIAN, "en", "sr-Latn"),
        # CLDR, supplemental/parentLocales: nb and nn inherit from no, es_MX from es_419, pt_AO from pt_PT, en_AU from en_001
        # https://github.com/mozilla/playdoh/issues/100
        ("nb", ("en", "no"), "en", "no"),
        ("no", ("en", "nb"), "en", "nb"),
        ("no", ("en", "nn", "nb"), "en", "nb"),
        ("nn-NO", ("en", "nb"), "en", "nb"),
        ("nb-NO", ("en", "da"), "en", "en"),
        ("es-MX", ("en", "es-ES", "es-419"), "en", "es-419"),
        ("es-MX", ("en", "es-ES", "es-US"), "en", "es-US"),
        ("es-MX", ("en", "es-ES", "es"), "en", "es"),
        ("pt-AO", ("en", "pt-BR", "pt-PT"), "en", "pt-PT"),
        ("pt", ("en", "pt-PT", "pt-BR"), "en", "pt-BR"),  # likely subtags: pt -> pt_Latn_BR
        ("en-AU", ("en-US", "en-GB"), "en-US", "en-GB"),
        ("en-CA", ("en-GB", "en-US"), "en-US", "en-US"),
        ("fr-CA", ("en", "fr-CH"), "en", "fr-CH"),
        # CLDR, supplementalMetadata.xml, languageAlias
        ("iw", ("en", "he"), "en", "he"),
        ("arb", ("en", "ar"), "en", "ar"),
        ("arz-EG", ("en", "ar"), "en", "ar"),
        ("tl", ("en", "fil"), "en", "fil"),
        ("he", ("en", "iw"), "en", "iw"),  # a template's own spelling is kept
        ("ht", ("en", "fr"), "en", "en"),  # CLDR's data of Haitian inherit from French; its readers do not
        ("hi-Latn", ("en", "hi"), "en", "en"),
    ],
)
def test_the_language_that_a_person_gets(
    language: str | None, available: tuple[str, ...], default: str, expected: str | None
) -> None:
    """The tag, its parents in the same script, a sister of it, the default."""
    assert choose_language(language, available, default) == expected


_TAGS = st.sampled_from(
    [
        "en",
        "en-GB",
        "en-US",
        "de",
        "de-AT",
        "zh",
        "zh-TW",
        "zh-HK",
        "zh-CN",
        "zh-Hant",
        "zh-Hans",
        "sr",
        "sr-Latn",
        "sr-ME",
        "no",
        "nb",
        "nn",
        "pt",
        "pt-BR",
        "pt-PT",
        "es",
        "es-MX",
        "es-419",
        "ar",
        "he",
    ]
)


@given(_TAGS, st.lists(_TAGS, max_size=6, unique=True), _TAGS)
def test_what_is_there_is_chosen_and_nothing_else(language: str, available: list[str], default: str) -> None:
    """A body in the person's very tag is always taken; what is taken is always one of those that there are."""
    chosen = choose_language(language, available, default)
    assert chosen is None or chosen in available
    if language in available:
        assert chosen == language


def test_a_chain_stays_in_one_script() -> None:
    """Parents of Traditional Chinese are Traditional; a language alone is a parent only in its own script."""
    assert language_chain("zh-TW") == ("zh-TW", "zh-Hant-TW", "zh-Hant")
    assert "zh" in language_chain("zh-CN")
    assert language_chain("sr-Latn") == ("sr-Latn",)
    assert language_chain("de-AT")[-1] == "de"
