"""Audio files that templates name: looked at before a carrier plays them to people.

A carrier fetches the file during the call: what is not audio then is a call that says nothing. So the first bytes of each
file are fetched beforehand, and a file that is certainly wrong (another kind of content, not there) stops the campaign. A
server that does not answer *us* proves nothing, since the carrier fetches the file: that is a warning, and stops nothing.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from nightmail.errors import ConfigurationError
from nightmail.templates.model import VoiceBody

if TYPE_CHECKING:
    from nightmail.templates import Template

TIMEOUT_S = 10.0
_HEAD_BYTES = 4096
_SIGNED = {
    "audio/mpeg": "MP3",
    "audio/mp3": "MP3",
    "audio/wav": "WAV",
    "audio/wave": "WAV",
    "audio/x-wav": "WAV",
    "audio/vnd.wave": "WAV",
    "audio/aiff": "AIFF",
    "audio/x-aiff": "AIFF",
    "audio/x-aifc": "AIFF",
}
"""Types whose files say in their first bytes what they are."""
_UNSIGNED = {"audio/x-gsm": "GSM", "audio/gsm": "GSM", "audio/ulaw": "u-law", "audio/basic": "u-law"}
_NOT_THERE = range(400, 500)
_TOO_MANY_REQUESTS = 429


class AudioFileError(ConfigurationError):
    """A template's audio file cannot be played."""


def audio_addresses(template: Template) -> tuple[str, ...]:
    """The audio files that a template's calls play, each once."""
    bodies = (body for every in template.languages.values() for body in every.by_channel.values())
    return tuple(dict.fromkeys(body.play for body in bodies if isinstance(body, VoiceBody) and body.play))


def look_at_audio(url: str, timeout_s: float = TIMEOUT_S) -> str | None:
    """What kind of audio is at ``url``; ``None`` when its server does not answer us.

    Raises :class:`AudioFileError` for what is there but cannot be played, and where nothing is.
    """
    request = urllib.request.Request(url, headers={"Range": f"bytes=0-{_HEAD_BYTES - 1}", "Accept": "audio/*"})  # noqa: S310 - a template's play is http or https
    # As for carriers, no proxy is taken from the environment.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout_s) as response:
            media_type = response.headers.get_content_type()
            head = response.read(_HEAD_BYTES)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in _NOT_THERE and error.code != _TOO_MANY_REQUESTS:
            raise _unusable(url, f"the server answered {error.code}") from error
        return None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    kind = _SIGNED.get(media_type)
    if kind is not None:
        found = _kind_of(head)
        if found != kind:
            raise _unusable(url, f"it is sent as {media_type}, but is {found or 'no audio'}")
        return kind
    kind = _UNSIGNED.get(media_type)
    if kind is None:
        raise _unusable(url, f"it is sent as {media_type}")
    if not head:
        raise _unusable(url, "it is empty")
    return kind


def _kind_of(head: bytes) -> str | None:
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "WAV"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "AIFF"
    # A tag, or the first frame: eleven set bits, then a layer, which is never 00.
    if head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06):
        return "MP3"
    return None


def _unusable(url: str, why: str) -> AudioFileError:
    return AudioFileError("audio_unusable", url=url, problem=why)
