"""Looks at a browser's offer before a media worker has to parse it. Pure."""

from __future__ import annotations

MOST_LINES = 400
"""A browser's audio offer has 60 to 120 lines, a dozen of them candidates."""


def what_is_wrong(offer: str) -> str | None:
    """Say in words why an offer cannot be used; None when it may be tried.

    We take what a browser makes for one audio connection (RFC 8829): one m= section, DTLS-SRTP, ICE.
    """
    lines = offer.replace("\r\n", "\n").split("\n")
    if not offer.startswith("v=0") or len(lines) > MOST_LINES:
        return "this is no SDP of a browser"
    media = [line for line in lines if line.startswith("m=")]
    if len(media) != 1 or not media[0].startswith("m=audio "):
        return "there must be one m= line, for audio"
    if "UDP/TLS/RTP/SAVP" not in media[0]:
        return "the audio must be DTLS-SRTP"
    for needed in ("a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:"):
        if not any(line.startswith(needed) for line in lines):
            return f"{needed.removesuffix(':')} is missing"
    return None


def first_codec(sdp: str) -> str:
    """Name the most preferred codec of a description's first m= section, in lower case; empty when there is none."""
    lines = sdp.replace("\r\n", "\n").split("\n")
    media = next((line for line in lines if line.startswith("m=")), "")
    payload_type = [*media.split(" ")[3:], ""][0]
    names = (line.partition(" ")[2] for line in lines if line.startswith(f"a=rtpmap:{payload_type} "))
    return next(names, "").partition("/")[0].lower()
