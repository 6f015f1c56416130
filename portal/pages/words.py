"""What the unsubscribe pages say, in the recipient's language."""

from __future__ import annotations

UNSUBSCRIBE: dict[str, dict[str, str]] = {
    "en": {
        "title": "Unsubscribe",
        "asks": "You received a message from {team}. Choose what you no longer want to receive at this address.",
        "choose": "Stop sending me",
        "only": "messages of this kind ({category})",
        "everything": "all messages from {team} on this channel",
        "confirm": "Unsubscribe",
        "nothing_yet": "Nothing changes until you press the button.",
        "done_title": "You are unsubscribed",
        "done": "We will not send you these messages any more.",
        "mistake": "Pressed by mistake?",
        "again": "Subscribe again",
        "again_title": "You are subscribed again",
        "again_done": "We will send you these messages as before.",
        "invalid_title": "This link is not valid",
        "invalid": "Open the link from the message as you received it. Your email program may have broken it.",
    },
    "de": {
        "title": "Abmelden",
        "asks": "Sie haben eine Nachricht von {team} erhalten. Wählen Sie, was Sie an diese Adresse nicht mehr erhalten möchten.",
        "choose": "Nicht mehr senden",
        "only": "Nachrichten dieser Art ({category})",
        "everything": "alle Nachrichten von {team} auf diesem Kanal",
        "confirm": "Abmelden",
        "nothing_yet": "Es ändert sich nichts, bis Sie auf die Schaltfläche drücken.",
        "done_title": "Sie sind abgemeldet",
        "done": "Wir senden Ihnen diese Nachrichten nicht mehr.",
        "mistake": "Aus Versehen gedrückt?",
        "again": "Wieder anmelden",
        "again_title": "Sie sind wieder angemeldet",
        "again_done": "Sie erhalten diese Nachrichten wie zuvor.",
        "invalid_title": "Dieser Link ist ungültig",
        "invalid": "Öffnen Sie den Link aus der Nachricht, so wie Sie sie erhalten haben.",
    },
    "fr": {
        "title": "Se désabonner",
        "asks": "Vous avez reçu un message de {team}. Choisissez ce que vous ne souhaitez plus recevoir à cette adresse.",
        "choose": "Ne plus m’envoyer",
        "only": "les messages de ce type ({category})",
        "everything": "tous les messages de {team} sur ce canal",
        "confirm": "Se désabonner",
        "nothing_yet": "Rien ne change tant que vous n’appuyez pas sur le bouton.",
        "done_title": "Vous êtes désabonné",
        "done": "Nous ne vous enverrons plus ces messages.",
        "mistake": "Une erreur ?",
        "again": "Se réabonner",
        "again_title": "Vous êtes de nouveau abonné",
        "again_done": "Vous recevrez ces messages comme auparavant.",
        "invalid_title": "Ce lien n’est pas valide",
        "invalid": "Ouvrez le lien depuis le message tel que vous l’avez reçu.",
    },
    "es": {
        "title": "Darse de baja",
        "asks": "Ha recibido un mensaje de {team}. Elija lo que ya no desea recibir en esta dirección.",
        "choose": "No enviarme más",
        "only": "mensajes de este tipo ({category})",
        "everything": "todos los mensajes de {team} por este canal",
        "confirm": "Darse de baja",
        "nothing_yet": "Nada cambia hasta que pulse el botón.",
        "done_title": "Se ha dado de baja",
        "done": "No le enviaremos más estos mensajes.",
        "mistake": "¿Ha sido un error?",
        "again": "Volver a suscribirse",
        "again_title": "Está suscrito de nuevo",
        "again_done": "Recibirá estos mensajes como antes.",
        "invalid_title": "Este enlace no es válido",
        "invalid": "Abra el enlace desde el mensaje tal como lo recibió.",
    },
}
"""Words by language; English where a language is not here."""


def unsubscribe_words(language: str | None, *, team: str = "", category: str = "") -> tuple[str, dict[str, str]]:
    """The language that is used and its words, with the team's and category's names filled in."""
    base = (language or "en").partition("-")[0].lower()
    chosen = base if base in UNSUBSCRIBE else "en"
    shown = category.replace("_", " ")
    return chosen, {name: text.format(team=team, category=shown) for name, text in UNSUBSCRIBE[chosen].items()}
