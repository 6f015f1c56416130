"""What recipients call the predefined categories and the channels; own categories are called by their names."""

from __future__ import annotations

TOPICS: dict[str, dict[str, str]] = {
    "en": {
        "billing": "Bills and payments",
        "appointment": "Appointments",
        "outage": "Faults and outages",
        "delivery": "Deliveries",
        "security": "Security of your account",
        "account": "Your account and contract",
        "emergency": "Warnings in an emergency",
        "service": "Service messages",
        "marketing": "Advertising",
        "newsletter": "Newsletter",
        "offers": "Offers",
        "survey": "Surveys",
    },
    "de": {
        "billing": "Rechnungen und Zahlungen",
        "appointment": "Termine",
        "outage": "Störungen und Ausfälle",
        "delivery": "Lieferungen",
        "security": "Sicherheit Ihres Kontos",
        "account": "Ihr Konto und Vertrag",
        "emergency": "Warnungen im Notfall",
        "service": "Servicenachrichten",
        "marketing": "Werbung",
        "newsletter": "Newsletter",
        "offers": "Angebote",
        "survey": "Umfragen",
    },
    "fr": {
        "billing": "Factures et paiements",
        "appointment": "Rendez-vous",
        "outage": "Pannes et coupures",
        "delivery": "Livraisons",
        "security": "Sécurité de votre compte",
        "account": "Votre compte et contrat",
        "emergency": "Alertes en cas d’urgence",
        "service": "Messages de service",
        "marketing": "Publicité",
        "newsletter": "Lettre d’information",
        "offers": "Offres",
        "survey": "Enquêtes",
    },
    "es": {
        "billing": "Facturas y pagos",
        "appointment": "Citas",
        "outage": "Averías y cortes",
        "delivery": "Entregas",
        "security": "Seguridad de su cuenta",
        "account": "Su cuenta y contrato",
        "emergency": "Avisos de emergencia",
        "service": "Mensajes de servicio",
        "marketing": "Publicidad",
        "newsletter": "Boletín",
        "offers": "Ofertas",
        "survey": "Encuestas",
    },
}
CHANNEL_LABELS: dict[str, dict[str, str]] = {
    "de": {"Text message": "SMS", "Email": "E-Mail", "Call": "Anruf", "Web chat": "Web-Chat"},
    "fr": {"Text message": "SMS", "Email": "E-mail", "Call": "Appel", "Web chat": "Chat web"},
    "es": {"Text message": "SMS", "Email": "Correo electrónico", "Call": "Llamada", "Web chat": "Chat web"},
}
"""By the channels' labels."""


def topic_label(language: str, category: str) -> str:
    """What a recipient calls a category."""
    known = TOPICS.get(language, TOPICS["en"]).get(category)
    return known or category.replace("_", " ").capitalize()


def channel_label(language: str, label: str) -> str:
    """What a recipient calls a channel of this label."""
    return CHANNEL_LABELS.get(language, {}).get(label, label)
