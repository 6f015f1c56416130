"""What pages for recipients say, in their language."""

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
        "more": "Choose what, how and when",
        "late_title": "This link no longer takes it back",
        "late": "A link takes an opt-out back for an hour. After that you choose on your own page, with a code that we send to you.",
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
        "more": "Auswählen, was, wie und wann",
        "late_title": "Dieser Link nimmt es nicht mehr zurück",
        "late": "Ein Link nimmt eine Abmeldung eine Stunde lang zurück. Danach wählen Sie auf Ihrer eigenen Seite, mit einem Code, den wir Ihnen senden.",
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
        "more": "Choisir quoi, comment et quand",
        "late_title": "Ce lien ne permet plus d’y revenir",
        "late": "Un lien permet de revenir sur un désabonnement pendant une heure. Ensuite, vous choisissez sur votre propre page, avec un code que nous vous envoyons.",
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
        "more": "Elegir qué, cómo y cuándo",
        "late_title": "Este enlace ya no lo deshace",
        "late": "Un enlace deshace una baja durante una hora. Después usted elige en su propia página, con un código que le enviamos.",
        "invalid_title": "Este enlace no es válido",
        "invalid": "Abra el enlace desde el mensaje tal como lo recibió.",
    },
}
"""Words by language; English where a language is not here."""


def unsubscribe_words(language: str | None, *, team: str = "", category: str = "") -> tuple[str, dict[str, str]]:
    """The language that is used and its words, with the team's and category's names filled in."""
    base = (language or "en").partition("-")[0].lower()
    chosen = base if base in UNSUBSCRIBE else "en"
    return chosen, {name: text.format(team=team, category=category) for name, text in UNSUBSCRIBE[chosen].items()}


CONVERSATION: dict[str, dict[str, str]] = {
    "en": {
        "label": "Your answer",
        "send": "Send",
        "taken": "Thank you. Your answer was delivered.",
        "full": "No more answers are taken here.",
        "empty": "Please write something first.",
        "invalid_title": "This page is not there any more",
        "invalid": "The link is not valid, or the message is too old. Use the link of a newer message.",
    },
    "de": {
        "label": "Ihre Antwort",
        "send": "Senden",
        "taken": "Danke. Ihre Antwort ist angekommen.",
        "full": "Hier werden keine weiteren Antworten angenommen.",
        "empty": "Bitte schreiben Sie zuerst etwas.",
        "invalid_title": "Diese Seite gibt es nicht mehr",
        "invalid": "Der Link ist ungültig oder die Nachricht zu alt. Nutzen Sie den Link einer neueren Nachricht.",
    },
    "fr": {
        "label": "Votre réponse",
        "send": "Envoyer",
        "taken": "Merci. Votre réponse est bien arrivée.",
        "full": "Plus aucune réponse n’est acceptée ici.",
        "empty": "Veuillez d’abord écrire quelque chose.",
        "invalid_title": "Cette page n’existe plus",
        "invalid": "Le lien n’est pas valide ou le message est trop ancien. Utilisez le lien d’un message plus récent.",
    },
    "es": {
        "label": "Su respuesta",
        "send": "Enviar",
        "taken": "Gracias. Hemos recibido su respuesta.",
        "full": "Aquí ya no se aceptan más respuestas.",
        "empty": "Escriba algo primero.",
        "invalid_title": "Esta página ya no existe",
        "invalid": "El enlace no es válido o el mensaje es demasiado antiguo. Use el enlace de un mensaje más reciente.",
    },
}
"""Words of the conversation page by language; English where a language is not here."""


def conversation_words(language: str | None) -> tuple[str, dict[str, str]]:
    """The language that is used and its words."""
    base = (language or "en").partition("-")[0].lower()
    chosen = base if base in CONVERSATION else "en"
    return chosen, CONVERSATION[chosen]
