"""STOP, START and HELP in the languages of the served countries.

A word counts only when it is the whole reply, whatever its case, accents aside, and with punctuation around it ignored:
"Stop!" is a STOP, "please do not stop" is not. English words count everywhere, as carriers and laws expect.
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
_AROUND = re.compile(r"[\W_]+", re.UNICODE)
_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "ø": "o", "đ": "d", "ł": "l", "ı": "i", "þ": "th", "ð": "d", "ħ": "h"})


def _plain(text: str) -> str:
    """Case, accents, width and punctuation aside."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_LETTERS)
    bare = "".join(c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c))
    return _AROUND.sub(" ", unicodedata.normalize("NFKC", bare)).strip()


def _words(table: dict[str, str]) -> frozenset[str]:
    return frozenset(_plain(word) for words in table.values() for word in words.split(","))


_MEANINGS = {
    **dict.fromkeys(_words(_HELP), Word.HELP),
    **dict.fromkeys(_words(_START), Word.START),
    # What stands under two meanings is taken as the more cautious one.
    **dict.fromkeys(_words(_STOP), Word.STOP),
}

LANGUAGES = frozenset(_STOP)
"""Languages that have words of their own."""


def word_in(text: str) -> Word | None:
    """What a whole reply asks for, if it is one of the words.

    >>> word_in(" Stop! ")
    <Word.STOP: 'stop'>
    >>> word_in("Arrêter")
    <Word.STOP: 'stop'>
    """
    return _MEANINGS.get(_plain(text)) if len(text) <= 60 else None
