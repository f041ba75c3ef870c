"""The little of SDP (RFC 8866) and of SIP messages that the robots watch."""

from __future__ import annotations

from enum import StrEnum


class Direction(StrEnum):
    """Media direction of an m-line (RFC 3264 §5.1), seen from the sender of the SDP."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def is_hold(self) -> bool:
        """Tell whether this direction puts the receiver of the SDP on hold (RFC 3264 §8.4)."""
        return self in (Direction.SENDONLY, Direction.INACTIVE)


def audio_direction(sdp: str) -> Direction | None:
    """Find the direction of the first audio m-line; None when there is no audio.

    A port of 0, and a connection address of 0.0.0.0 (the old way of holding, RFC 3264 §8.4), count as inactive.
    """
    session, audio = _session_and_audio(sdp)
    if not audio:
        return None
    port = audio[0].split()[1:2]
    addresses = [line for line in audio if line.startswith("c=")] or [line for line in session if line.startswith("c=")]
    if port == ["0"] or any(line.split()[-1] == "0.0.0.0" for line in addresses):
        return Direction.INACTIVE
    for line in (*audio, *session):
        name = line.removeprefix("a=")
        if line.startswith("a=") and name in list(Direction):
            return Direction(name)
    return Direction.SENDRECV


def _session_and_audio(sdp: str) -> tuple[list[str], list[str]]:
    """Split an SDP into its session lines and the lines of its first audio section."""
    session: list[str] = []
    audio: list[str] = []
    section = session
    for line in (raw.strip() for raw in sdp.splitlines()):
        if line.startswith("m="):
            section = audio if line.startswith("m=audio") and not audio else []
        section.append(line)
    return session, audio


def headers_named(message: str, *names: str) -> dict[str, str]:
    """Pick headers out of a whole SIP message: name as asked for -> first value; absent ones are left out."""
    wanted = {name.lower(): name for name in names}
    wanted.update({"f": wanted["from"]} if "from" in wanted else {})
    found: dict[str, str] = {}
    for line in message.replace("\r\n", "\n").split("\n\n", 1)[0].split("\n")[1:]:
        name, colon, value = line.partition(":")
        asked = wanted.get(name.strip().lower())
        if colon and asked is not None:
            found.setdefault(asked, value.strip())
    return found


def body_of(message: str) -> str:
    """Give the body of a whole SIP message, empty when it has none."""
    return message.replace("\r\n", "\n").partition("\n\n")[2]
