"""What the way by a code says, in the recipient's language: the message with the code, and the page that asks for it."""

from __future__ import annotations

CODES: dict[str, dict[str, str]] = {
    "en": {
        "message_subject": "{code} is your code",
        "message": "{team}: {code} is your code for your message settings. It works for 15 minutes. If you did not ask for it, do nothing.",
        "more_title": "Choose what you get, how and when",
        "more_lead": "Topics, channels, language, quiet hours, a pause. Before we show or change them, we make sure that it is you: we send a six-digit code to the address that the message went to.",
        "send": "Send me a code",
        "sent": "A code is on its way to you. It can take a minute.",
        "label": "The code",
        "hint": "Six digits. It works for 15 minutes.",
        "go_on": "Continue",
        "not_there": "Nothing there yet?",
        "again": "Send another code",
        "wrong": "This is not the code. Look at the newest message and type its six digits.",
        "too_often": "This code was tried too often. Ask for another one.",
        "over": "There is no code that still works. Ask for a new one.",
        "used": "This code was used already. Ask for a new one.",
        "wait": "You were sent a code a short time ago. You can ask for another one in {wait}.",
        "not_sent": "We could not send a code just now. Try again in a few minutes. Stopping messages works all the same.",
        "in_doubt": "We do not know yet whether the code went out. If nothing arrives within a few minutes, ask for another one.",
        "no_way": "We cannot send a code to this address. Stopping messages works all the same.",
        "address_gone": "We no longer keep the address that this message went to, so we cannot send a code there. Open the link in a newer message.",
        "locked_again": "For your safety the page was closed in the meantime, and nothing was changed. Ask for a new code.",
    },
    "de": {
        "message_subject": "{code} ist Ihr Code",
        "message": "{team}: {code} ist Ihr Code für Ihre Einstellungen. Er gilt 15 Minuten. Wenn Sie ihn nicht angefordert haben, tun Sie nichts.",
        "more_title": "Auswählen, was Sie wie und wann erhalten",
        "more_lead": "Themen, Kanäle, Sprache, Ruhezeiten, eine Pause. Bevor wir sie zeigen oder ändern, stellen wir sicher, dass Sie es sind: Wir senden einen sechsstelligen Code an die Adresse, an die die Nachricht ging.",
        "send": "Code senden",
        "sent": "Ein Code ist zu Ihnen unterwegs. Das kann eine Minute dauern.",
        "label": "Der Code",
        "hint": "Sechs Ziffern. Er gilt 15 Minuten.",
        "go_on": "Weiter",
        "not_there": "Noch nichts da?",
        "again": "Noch einen Code senden",
        "wrong": "Das ist nicht der Code. Sehen Sie in der neuesten Nachricht nach und geben Sie deren sechs Ziffern ein.",
        "too_often": "Dieser Code wurde zu oft versucht. Fordern Sie einen neuen an.",
        "over": "Es gibt keinen Code, der noch gilt. Fordern Sie einen neuen an.",
        "used": "Dieser Code wurde schon benutzt. Fordern Sie einen neuen an.",
        "wait": "Sie haben vor Kurzem einen Code erhalten. Den nächsten können Sie in {wait} anfordern.",
        "not_sent": "Wir konnten gerade keinen Code senden. Versuchen Sie es in einigen Minuten noch einmal. Abmelden geht trotzdem.",
        "in_doubt": "Wir wissen noch nicht, ob der Code hinausging. Kommt in einigen Minuten nichts an, fordern Sie einen neuen an.",
        "no_way": "An diese Adresse können wir keinen Code senden. Abmelden geht trotzdem.",
        "address_gone": "Die Adresse, an die diese Nachricht ging, bewahren wir nicht mehr auf und können daher keinen Code dorthin senden. Öffnen Sie den Link in einer neueren Nachricht.",
        "locked_again": "Zu Ihrer Sicherheit wurde die Seite inzwischen geschlossen; es wurde nichts geändert. Fordern Sie einen neuen Code an.",
    },
    "fr": {
        "message_subject": "{code} est votre code",
        "message": "{team} : {code} est votre code pour vos préférences. Il est valable 15 minutes. Si vous ne l’avez pas demandé, ne faites rien.",
        "more_title": "Choisir ce que vous recevez, comment et quand",
        "more_lead": "Sujets, canaux, langue, heures calmes, pause. Avant de les montrer ou de les modifier, nous vérifions que c’est bien vous : nous envoyons un code à six chiffres à l’adresse qui a reçu le message.",
        "send": "M’envoyer un code",
        "sent": "Un code est en route. Cela peut prendre une minute.",
        "label": "Le code",
        "hint": "Six chiffres. Il est valable 15 minutes.",
        "go_on": "Continuer",
        "not_there": "Toujours rien ?",
        "again": "Envoyer un autre code",
        "wrong": "Ce n’est pas le bon code. Regardez le message le plus récent et saisissez ses six chiffres.",
        "too_often": "Ce code a été essayé trop de fois. Demandez-en un autre.",
        "over": "Aucun code n’est encore valable. Demandez-en un nouveau.",
        "used": "Ce code a déjà servi. Demandez-en un nouveau.",
        "wait": "Un code vous a été envoyé il y a peu. Vous pourrez en demander un autre dans {wait}.",
        "not_sent": "Nous n’avons pas pu envoyer de code. Réessayez dans quelques minutes. Le désabonnement fonctionne malgré tout.",
        "in_doubt": "Nous ne savons pas encore si le code est parti. Si rien n’arrive d’ici quelques minutes, demandez-en un autre.",
        "no_way": "Nous ne pouvons pas envoyer de code à cette adresse. Le désabonnement fonctionne malgré tout.",
        "address_gone": "Nous ne conservons plus l’adresse qui a reçu ce message et ne pouvons donc pas y envoyer de code. Ouvrez le lien d’un message plus récent.",
        "locked_again": "Pour votre sécurité, la page a été fermée entre-temps et rien n’a changé. Demandez un nouveau code.",
    },
    "es": {
        "message_subject": "{code} es su código",
        "message": "{team}: {code} es su código para sus preferencias. Vale 15 minutos. Si no lo ha pedido, no haga nada.",
        "more_title": "Elegir qué recibe, cómo y cuándo",
        "more_lead": "Temas, canales, idioma, horas de silencio, una pausa. Antes de mostrarlos o cambiarlos comprobamos que es usted: enviamos un código de seis cifras a la dirección que recibió el mensaje.",
        "send": "Enviarme un código",
        "sent": "Un código va de camino. Puede tardar un minuto.",
        "label": "El código",
        "hint": "Seis cifras. Vale 15 minutos.",
        "go_on": "Continuar",
        "not_there": "¿Todavía nada?",
        "again": "Enviar otro código",
        "wrong": "Este no es el código. Mire el mensaje más reciente y escriba sus seis cifras.",
        "too_often": "Este código se ha probado demasiadas veces. Pida otro.",
        "over": "Ningún código es válido ya. Pida uno nuevo.",
        "used": "Este código ya se ha usado. Pida uno nuevo.",
        "wait": "Hace poco se le envió un código. Podrá pedir otro dentro de {wait}.",
        "not_sent": "No hemos podido enviar un código. Inténtelo de nuevo en unos minutos. Darse de baja funciona igualmente.",
        "in_doubt": "Aún no sabemos si el código ha salido. Si no llega nada en unos minutos, pida otro.",
        "no_way": "No podemos enviar un código a esta dirección. Darse de baja funciona igualmente.",
        "address_gone": "Ya no guardamos la dirección que recibió este mensaje y no podemos enviarle un código. Abra el enlace de un mensaje más reciente.",
        "locked_again": "Por su seguridad la página se cerró mientras tanto y no se ha cambiado nada. Pida un código nuevo.",
    },
}
"""Words by language."""


def waiting_time(seconds: int) -> str:
    """A time to wait in signs that all of these languages write alike.

    >>> waiting_time(59), waiting_time(3600), waiting_time(80_000)
    ('1 min', '60 min', '23 h')
    """
    minutes = -(-seconds // 60)
    return f"{minutes} min" if minutes <= 90 else f"{-(-seconds // 3600)} h"
