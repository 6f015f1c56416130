"""The segments of a text, counted the stand-in's own way (3GPP TS 23.038)."""

from __future__ import annotations

_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_DOUBLE = frozenset("\f^{}\\[~]|€")


def segments_of(body: str) -> int:
    """How many segments a text takes: GSM-7 by 160/153, UCS-2 by 70/67."""
    if all(char in _GSM7 or char in _GSM7_DOUBLE for char in body):
        units = sum(2 if char in _GSM7_DOUBLE else 1 for char in body)
        return 1 if units <= 160 else -(-units // 153)
    units = len(body.encode("utf-16-be")) // 2
    return 1 if units <= 70 else -(-units // 67)
