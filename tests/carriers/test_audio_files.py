"""Audio files of calls: what is there is looked at, from a real server."""

from __future__ import annotations

import io
import threading
import wave
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from commands.supervisor import free_port
from nightmail.templates import load_template
from resources.audio_files import AudioFileError, audio_addresses, look_at_audio


def a_wav() -> bytes:
    """A second of silence, as the carrier takes it."""
    target = io.BytesIO()
    with wave.open(target, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\0" * 8000)
    return target.getvalue()


FILES = {
    "/right.wav": (200, "audio/x-wav", a_wav()),
    "/frame.mp3": (200, "audio/mpeg", b"\xff\xfb\x90\x64" + bytes(400)),
    "/tagged.mp3": (200, "audio/mpeg; charset=binary", b"ID3\x04" + bytes(400)),
    "/telephone.gsm": (200, "audio/x-gsm", b"\xd2" + bytes(32)),
    "/page.mp3": (200, "audio/mpeg", b"<!doctype html><title>Sign in</title>"),
    "/page": (200, "text/html", b"<!doctype html>"),
    "/document.wav": (200, "audio/wav", b"%PDF-1.7 " + bytes(100)),
    "/named.mp3": (200, "audio/mpeg", a_wav()),
    "/empty.wav": (200, "audio/wav", b""),
    "/empty.gsm": (200, "audio/x-gsm", b""),
    "/private.wav": (403, "text/plain", b"no"),
    "/busy.wav": (503, "text/plain", b"later"),
}


class _Files(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, media_type, content = FILES.get(self.path, (404, "text/plain", b"none"))
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Files) as files:
        thread = threading.Thread(target=files.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{files.server_address[1]}"
        files.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/right.wav", "WAV"), ("/frame.mp3", "MP3"), ("/tagged.mp3", "MP3"), ("/telephone.gsm", "GSM")],
)
def test_audio_is_known(server: str, path: str, kind: str) -> None:
    assert look_at_audio(server + path) == kind


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/page.mp3", "sent as audio/mpeg, but is no audio"),
        ("/page", "sent as text/html"),
        ("/document.wav", "sent as audio/wav, but is no audio"),
        ("/named.mp3", "sent as audio/mpeg, but is WAV"),
        ("/empty.wav", "no audio"),
        ("/empty.gsm", "empty"),
        ("/private.wav", "answered 403"),
        ("/away.wav", "answered 404"),
    ],
)
def test_what_is_not_audio_is_said(server: str, path: str, why: str) -> None:
    with pytest.raises(AudioFileError, match=why) as caught:
        look_at_audio(server + path)
    assert caught.value.reason == "audio_unusable"
    assert "WAV, MP3 or AIFF" in caught.value.remedy


def test_a_server_that_does_not_answer_us_proves_nothing(server: str) -> None:
    """It is the carrier that fetches the file."""
    assert look_at_audio(f"{server}/busy.wav") is None
    assert look_at_audio(f"http://127.0.0.1:{free_port()}/right.wav") is None


def test_a_template_names_each_file_once() -> None:
    template = load_template(
        "name: t\ncategory: billing\ndefault_language: en\nlanguages:\n"
        "  en: {voice: {play: 'https://a.example/x.wav'}}\n"
        "  de: {voice: {play: 'https://a.example/x.wav'}}\n"
        "  fr: {voice: {say: Bonjour}, sms: Bonjour}\n"
    )
    assert audio_addresses(template) == ("https://a.example/x.wav",)
