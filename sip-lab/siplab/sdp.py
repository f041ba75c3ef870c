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


def audio_port(sdp: str) -> int:
    """Give the port of the first audio m-line; 0 when there is none."""
    _session, audio = _session_and_audio(sdp)
    fields = audio[0].split() if audio else []
    return int(fields[1]) if len(fields) > 1 and fields[1].isdigit() else 0


def audio_payload(sdp: str) -> int:
    """Give the first payload type of the first audio m-line; 0 when there is none."""
    _session, audio = _session_and_audio(sdp)
    fields = audio[0].split() if audio else []
    return int(fields[3]) if len(fields) > 3 and fields[3].isdigit() else 0


def audio_ssrc(sdp: str) -> int:
    """Give the SSRC that a session description announces for its audio (RFC 5576); 0 for none."""
    _session, audio = _session_and_audio(sdp)
    found = next((line.removeprefix("a=ssrc:").split(" ")[0] for line in audio if line.startswith("a=ssrc:")), "0")
    return int(found) if found.isdigit() else 0


def offering_only(sdp: str, codec: str) -> str:
    """Leave one codec, and key tones with its clock (RFC 4733), in the audio of a session description.

    A description without that codec (an answer that chose another) stays as it is.
    """
    lines = sdp.replace("\r\n", "\n").rstrip("\n").split("\n")
    names = dict(line.removeprefix("a=rtpmap:").split(" ", 1) for line in lines if line.startswith("a=rtpmap:"))
    wanted = [payload for payload, name in names.items() if name.split("/")[0].lower() == codec.lower()]
    if not wanted:
        return sdp
    clock = names[wanted[0]].split("/")[1]
    events = [p for p, name in names.items() if name.lower().startswith("telephone-event/") and f"/{clock}" in name]
    kept = {*wanted, *events}
    shown = []
    for line in lines:
        if line.startswith("m=audio "):
            head, payloads = line.split(" ")[:3], line.split(" ")[3:]
            line = " ".join([*head, *(payload for payload in payloads if payload in kept)])
        if line.startswith(("a=rtpmap:", "a=fmtp:", "a=rtcp-fb:")):
            payload = line.partition(":")[2].split(" ", 1)[0]
            if payload.isdigit() and payload not in kept:
                continue
        shown.append(line)
    return "\r\n".join([*shown, ""])


def by_way_of(sdp: str, host: str, port: int) -> str:
    """Let the far end send its audio to another address: RTP to `port`, RTCP to the next (RFC 3550 §11)."""
    shown, in_audio = [], False
    family = "IP6" if ":" in host else "IP4"
    for line in sdp.replace("\r\n", "\n").rstrip("\n").split("\n"):
        if line.startswith("m="):
            in_audio = line.startswith("m=audio ")
        if in_audio and line.startswith("m="):
            kind, _own, rest = line.split(" ", 2)
            line = f"{kind} {port} {rest}"
        elif line.startswith("c="):
            line = f"c=IN {family} {host}"
        elif in_audio and line.startswith("a=rtcp:"):
            line = f"a=rtcp:{port + 1} IN {family} {host}"
        shown.append(line)
    return "\r\n".join([*shown, ""])
