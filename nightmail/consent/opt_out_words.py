"""STOP, START and HELP in the languages of the served countries, and replies that probably ask for an end.

A word counts when it is the whole reply, whatever its case, accents aside, repeated or with punctuation around it: "Stop!"
and "STOP STOP" are a STOP, "please do not stop" is not. It must mean that in the language of the message that it answers:
"Fine" is a STOP in answer to an Italian text, and none in answer to an English one. Words that carriers honour everywhere
count in every language (CTIA Messaging Principles and Best Practices, section 5.1.3; Twilio's default keywords).

Politer and longer forms ("please stop texting me", "arrêtez") are no word but *probably opt out*: a person reads them.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum


class Word(StrEnum):
    """What a reply asks for."""

    STOP = "stop"
    START = "start"
    HELP = "help"


_EVERYWHERE = {
    Word.HELP: "help, info",
    Word.START: "start, unstop",
    Word.STOP: "stop, stopall, stop all, unsubscribe, cancel, end, quit",
}
_STOP = {
    "en": "stop, stopall, stop all, unsubscribe, cancel, end, quit, revoke, optout, opt out, remove me",
    "af": "staak, teken uit",
    "ar": "توقف, قف, إيقاف, ايقاف, الغاء, إلغاء, إلغاء الاشتراك, أوقف",
    "bg": "стоп, спри, откажи",
    "cs": "stop, konec, odhlasit, zrusit",
    "da": "stop, afmeld, frameld",
    "de": "stopp, halt, abmelden, abbestellen, beenden, ende",
    "el": "στοπ, διακοπη, σταματα, διαγραφη",
    "es": "alto, parar, para, baja, cancelar, no mas, detener",
    "et": "stopp, lopeta, loobu",
    "fi": "lopeta, peru, poista, seis",
    "fr": "arret, arreter, desabonner, desabonnement, fin, stop sms",
    "ga": "stad, stop",
    "he": "הפסק, עצור, הסר, הסרה, הסירו",
    "hr": "stop, prestani, odjava",
    "hu": "allj, leiratkozas, leallitas, vege",
    "is": "haetta, haetta vid, stopp",
    "it": "ferma, basta, annulla, cancella, disiscrivi, fine",
    "ja": "停止, 解除, 配信停止, ストップ, やめる",
    "ka": "სტოპ, შეჩერება, გაუქმება",
    "lt": "stabdyti, atsisakyti, baigti",
    "lv": "apturet, partraukt, atteikties",
    "mi": "mutu, kati",
    "mt": "waqqaf, ieqaf",
    "nb": "stopp, avslutt, meld av, avmeld",
    "nl": "stoppen, afmelden, uitschrijven, einde",
    "pap": "stop, para",
    "pl": "stop, zatrzymaj, rezygnuje, wypisz, koniec",
    "pt": "parar, pare, sair, cancelar, remover, descadastrar",
    "ro": "stop, opreste, dezabonare, anulare",
    "sk": "stop, koniec, odhlasit, zrusit",
    "sl": "stop, ustavi, odjava",
    "sv": "stopp, sluta, avsluta, avregistrera",
    "tr": "dur, iptal, durdur, ret",
    "zh": "停止, 退订, 退訂, 取消, 停, 取消订阅, 取消訂閱, td",
}
_START = {
    "en": "start, unstop, subscribe, optin, opt in, resume",
    "ar": "ابدأ, ابدا, اشتراك, استئناف",
    "bg": "старт, започни",
    "cs": "zacit, prihlasit",
    "da": "tilmeld, begynd",
    "de": "anmelden, beginnen, starten, abonnieren",
    "el": "εναρξη, ξεκινα, εγγραφη",
    "es": "empezar, iniciar, alta, comenzar, suscribir",
    "et": "alusta",
    "fi": "aloita, tilaa",
    "fr": "commencer, demarrer, debut, reprendre, abonner",
    "ga": "tosaigh",
    "he": "התחל, הרשמה",
    "hr": "pocni, prijava",
    "hu": "indits, feliratkozas, kezdes",
    "is": "byrja",
    "it": "inizia, iscrivi, avvia, riprendi",
    "ja": "開始, 再開, スタート, 登録",
    "ka": "დაწყება, სტარტი",
    "lt": "pradeti",
    "lv": "sakt",
    "mi": "timata",
    "mt": "ibda",
    "nb": "begynn, meld pa",
    "nl": "beginnen, aanmelden, inschrijven",
    "pl": "zacznij, zapisz, wznow",
    "pt": "comecar, iniciar, inscrever, voltar",
    "ro": "incepe, abonare",
    "sk": "zacat, prihlasit",
    "sl": "zacni, prijava",
    "sv": "starta, borja, anmal",
    "tr": "basla, baslat",
    "zh": "开始, 開始, 订阅, 訂閱, 恢复, 恢復",
}
_HELP = {
    "en": "help, info, information",
    "af": "hulp",
    "ar": "مساعدة, مساعده, معلومات",
    "bg": "помощ",
    "cs": "pomoc, napoveda",
    "da": "hjaelp",
    "de": "hilfe",
    "el": "βοηθεια",
    "es": "ayuda",
    "et": "abi",
    "fi": "apua, ohje, apu",
    "fr": "aide, infos",
    "ga": "cabhair",
    "he": "עזרה",
    "hr": "pomoc",
    "hu": "segitseg, sugo",
    "is": "hjalp",
    "it": "aiuto",
    "ja": "ヘルプ, 助け",
    "ka": "დახმარება",
    "lt": "pagalba",
    "lv": "palidziba",
    "mi": "awhina",
    "mt": "ghajnuna",
    "nb": "hjelp",
    "nl": "hulp",
    "pl": "pomoc",
    "pt": "ajuda",
    "ro": "ajutor",
    "sk": "pomoc",
    "sl": "pomoc",
    "sv": "hjalp",
    "tr": "yardim",
    "zh": "帮助, 幫助, 帮忙",
}
_FORMS = {
    "af": "hou op, moenie meer",
    "ar": "توقفوا, أوقفوا, لا ترسلوا, كفى",
    "bg": "спрете, не ми пращайте, отпишете",
    "cs": "prestan, prestante, odhlaste, neposilejte",
    "da": "stoppe, stop med, afmelde, ikke flere",
    "de": "aufhoren, hort auf, horen sie auf, stoppen, abmelden, austragen, keine sms mehr, keine nachrichten mehr, "
    "keine werbung, nicht mehr schreiben, nicht mehr anrufen, in ruhe lassen, lassen sie mich in ruhe",
    "el": "σταματηστε, μη στελνετε, διαγραφη",
    "en": "unsubscribe, unsubscribed, opt out, opt me out, remove me, take me off, leave me alone, no more texts, "
    "no more messages, no more calls, no more emails, do not text, don t text, dont text, do not contact, don t contact, "
    "dont contact, do not message, don t message, do not call, don t call, do not email, don t email, lose my number, "
    "delete my number, quit texting, cease",
    "es": "dejen de, deje de, dejad de, paren, no me envien, no me envie, no enviar, no mas mensajes, no mas sms, "
    "darme de baja, dar de baja, deme de baja, desuscribir",
    "et": "lopetage, ei soovi",
    "fi": "lopettakaa, lopettaa, poistakaa, alkaa lahettako",
    "fr": "arretez, arrete, cessez, ne m envoyez plus, ne plus recevoir, plus de sms, plus de messages, desabonnez, "
    "desinscrire, desinscrivez, desinscription, me desabonner",
    "ga": "stad de",
    "he": "תפסיקו, תסירו, להסיר, די כבר",
    "hr": "prestanite, odjavite, nemojte slati",
    "hu": "hagyjak abba, hagyd abba, ne kuldjenek, leiratkozom",
    "is": "haettid, ekki senda",
    "it": "smettete, smettetela, smettila, cancellatemi, disiscrivetemi, non inviate, non mandate, non mandatemi, "
    "non inviatemi, non scrivetemi, basta messaggi, basta sms",
    "ja": "やめて, 送らないで, 配信停止, 停止して",
    "ka": "შეწყვიტეთ, აღარ",
    "lt": "nustokite, sustabdykite, nesiuskite",
    "lv": "beidziet, partrauciet, nesutiet",
    "mi": "kaua e tuku",
    "mt": "ieqfu, tibghatux",
    "nb": "slutt, stoppe, ikke flere, ikke send",
    "nl": "stop met, ophouden, geen berichten meer, geen sms meer, niet meer sturen, uitschrijven, afmelden",
    "pap": "stop di",
    "pl": "przestan, przestancie, wypisac, wypiszcie, nie wysylajcie",
    "pt": "parem, chega de, nao me envie, nao me enviem, nao me mande, nao enviar, descadastre, me remova",
    "ro": "opriti, incetati, dezabonati, nu mai trimiteti",
    "sk": "prestan, prestante, odhlaste, neposielajte",
    "sl": "nehajte, prenehajte, odjavite, ne posiljajte",
    "sv": "sluta skicka, skicka inte, inga fler, avregistrera mig",
    "tr": "durdurun, gondermeyin, istemiyorum, rahat birakin",
    "zh": "不要再, 别再, 別再, 别发, 別發, 退订, 退訂",
}
"""Further forms that ask for an end within a longer reply; people write them in their own language, whatever they got."""
_WEAK = (
    "alto, baja, basta, cancel, cancelar, cancella, annulla, dur, einde, end, ende, fin, fine, halt, info, kati, konec, koniec, "
    "mutu, para, pare, parar, peru, quit, remover, ret, sair, stad, td, vege, iptal, 取消, 停"
)
"""Words that mean something else in another language or within a sentence: they count as a whole reply in their own alone."""
_NO_END = re.compile(
    r"\b(?:do not|don t|dont|never|not|non|bus|next|last|pit) stop\b|\bstop(?:s|ped)? (?:by|at|in|over|off|from)\b|\bnon ?stop\b"
)
"""English that has the word and asks for no end."""
_LONGEST_WORD, _LONGEST_FORM = 60, 400
_AROUND = re.compile(r"[\W_]+", re.UNICODE)
_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "ø": "o", "đ": "d", "ł": "l", "ı": "i", "þ": "th", "ð": "d", "ħ": "h"})
_SAME_LANGUAGE = {"no": "nb", "nn": "nb", "iw": "he", "yue": "zh", "cmn": "zh", "bs": "hr", "sr": "hr"}
_SPACELESS = frozenset({"ja", "zh"})
"""Languages that are written without spaces between words."""


def _plain(text: str) -> str:
    """Case, accents, width and punctuation aside."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_LETTERS)
    bare = "".join(c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c))
    return _AROUND.sub(" ", unicodedata.normalize("NFKC", bare)).strip()


def plain_words(text: str) -> str:
    """The words of a text without case, accents, width and punctuation, by which replies are compared."""
    return _plain(text)


def _words(listed: str) -> frozenset[str]:
    return frozenset(_plain(word) for word in listed.split(","))


LANGUAGES = frozenset(_STOP)
"""Languages that have words of their own."""


def _meanings(language: str | None) -> dict[str, Word]:
    found: dict[str, Word] = {}
    # What stands under two meanings is taken as the more cautious one, which comes last.
    for word, table in ((Word.HELP, _HELP), (Word.START, _START), (Word.STOP, _STOP)):
        found |= dict.fromkeys(_words(_EVERYWHERE[word]), word)
        if language in table:
            found |= dict.fromkeys(_words(table[language]), word)
    return found


_MEANINGS = {language: _meanings(language) for language in LANGUAGES}
_MEANINGS_EVERYWHERE = _meanings(None)
_WEAK_WORDS = _words(_WEAK)
_ALL_STOP_WORDS = frozenset().union(*(_words(words) for words in _STOP.values())) - _WEAK_WORDS


def _phrases(words: frozenset[str]) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)) + r")\b")


_SPACED_FORMS = _phrases(
    frozenset().union(*(_words(words) for name, words in _FORMS.items() if name not in _SPACELESS))
)
_SPACELESS_FORMS = frozenset().union(*(_words(_FORMS[name]) for name in _SPACELESS))
_STRONG_EVERYWHERE = _words(_EVERYWHERE[Word.STOP]) - _WEAK_WORDS
_STRONG = {name: _phrases((_words(words) | _STRONG_EVERYWHERE) - _WEAK_WORDS) for name, words in _STOP.items()}
_STRONG_OF_ANY = _phrases(_STRONG_EVERYWHERE)


def _language(tag: str | None) -> str | None:
    """The language of a tag such as ``en-GB``, as the tables call it; ``None`` where they do not have it."""
    primary = (tag or "").replace("_", "-").partition("-")[0].lower()
    primary = _SAME_LANGUAGE.get(primary, primary)
    return primary if primary in LANGUAGES else None


def word_in(text: str, language: str | None) -> Word | None:
    """What a whole reply asks for, if it is one of the words in ``language``, that of the message that it answers.

    >>> word_in(" Stop! ", "de")
    <Word.STOP: 'stop'>
    >>> word_in("Arrêter", "fr-CH")
    <Word.STOP: 'stop'>
    >>> word_in("Fine", "en")
    """
    if len(text) > _LONGEST_WORD:
        return None
    known = _language(language)
    meanings = _MEANINGS_EVERYWHERE if known is None else _MEANINGS[known]
    plain = _plain(text)
    found = meanings.get(plain)
    if found is None:
        said = plain.split()
        # "STOP STOP", and "stop all stop all".
        for length in (1, 2):
            parts = {" ".join(said[at : at + length]) for at in range(0, len(said), length)}
            if len(parts) == 1 and len(said) > length:
                found = meanings.get(parts.pop())
                break
    return found


def probably_opts_out(text: str, language: str | None) -> bool:
    """Whether a reply that is none of the words probably asks for an end: a person is to read it.

    >>> probably_opts_out("please stop texting me", "en")
    True
    >>> probably_opts_out("Fine", "en"), probably_opts_out("I will stop by at noon", "en")
    (False, False)
    """
    plain = _plain(text[:_LONGEST_FORM])
    if not plain:
        return False
    known = _language(language)
    if plain in _ALL_STOP_WORDS:
        return True
    if any(form in plain for form in _SPACELESS_FORMS) or _SPACED_FORMS.search(plain):
        return True
    if _NO_END.search(plain):
        return False
    strong = _STRONG_OF_ANY if known is None else _STRONG[known]
    return strong.search(plain) is not None
