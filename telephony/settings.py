"""What the softswitch can be told: addresses, limits, media. Each with unit, default and reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from telephony.digest import DigestSettings
from telephony.failure_limiter import LimiterSettings
from telephony.registrar import RegistrarSettings

SHIPPED_PROMPTS = Path(__file__).parent / "prompts"


@dataclass(frozen=True, slots=True)
class SwitchSettings:
    """One softswitch. Ports: 0 takes a free one (`PjsipSwitch.ports` tells which), None leaves the transport out."""

    state_dir: Path
    """Where the self-signed TLS certificate and PJSIP's log live; made at start."""
    domain: str = "ringside.invalid"
    """Host part of the identities we show (From, P-Asserted-Identity)."""
    realm: str = "ringside"
    """Digest realm; part of every stored credential hash, so changing it invalidates all SIP passwords."""
    bind_address: str = "0.0.0.0"
    public_address: str = ""
    """Address to name in Contact and SDP when it differs from the bound one (NAT, 0.0.0.0 with several networks)."""
    udp_port: int | None = 5060
    tcp_port: int | None = 5060
    tls_port: int | None = 5061
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    """PEM files; both None makes a self-signed pair in `state_dir` at first start."""
    rtp_port_first: int = 20_000
    rtp_port_count: int = 8_000
    """UDP ports for media, two per leg, half for arriving and half for dialled legs; open them in the firewall."""
    max_legs: int = 1_000
    """Past it new calls are refused with 503, so that the running ones stay clean."""
    max_branches: int = 5
    """Phones of one person rung at once."""
    rtp_timeout_s: float = 5.0
    """An answered leg that sends nothing this long, and is not on hold, is ended as lost (N7)."""
    session_expires_s: int = 1_800
    """RFC 4028 interval we ask for when the far end takes part in session timers; 90 at least."""
    clock_rate_hz: int = 8_000
    """The bridge's clock. 16,000 carries wideband between G.722 and Opus phones and costs about twice the CPU."""
    frame_ms: int = 20
    codecs: tuple[str, ...] = ("PCMU/8000", "PCMA/8000", "G722/16000", "opus/48000")
    """Most preferred first; others are off. G.711 first: no transcoding loss towards carriers, least CPU."""
    srtp: bool = True
    """Accept and offer SRTP (SDES) beside plain RTP."""
    prompts_dir: Path = SHIPPED_PROMPTS
    own_prompts_dir: Path | None = None
    """Folder of prompts that are played instead of the shipped ones of the same name."""
    spoken_dir: Path | None = None
    """Second folder of prompts: sentences spoken while the node runs."""
    hold_music: str = "hold-music"
    stop_grace_s: float = 0.5
    """How long stopping goes on serving when there were calls, so that BYEs are answered or sent again."""
    user_agent: str = "Ringside"
    pjsip_log_level: int = 0
    """0 none, 1 errors, 4 every message, into `state_dir/pjsip.log`. Messages hold personal data: for faults only."""
    digest: DigestSettings = field(default_factory=DigestSettings)
    registrar: RegistrarSettings = field(default_factory=RegistrarSettings)
    limiter: LimiterSettings = field(default_factory=LimiterSettings)

    @property
    def prompt_folders(self) -> tuple[Path, ...]:
        """Where recordings are looked for, the first that has it first."""
        folders = (self.own_prompts_dir, self.prompts_dir, self.spoken_dir)
        return tuple(folder for folder in folders if folder is not None)

    def __post_init__(self) -> None:
        if self.clock_rate_hz not in (8_000, 16_000, 32_000, 48_000):
            raise ValueError("clock_rate_hz must be 8000, 16000, 32000 or 48000")
        if self.rtp_port_count < 8:
            raise ValueError("rtp_port_count must be 8 or more")
        if self.session_expires_s < 90:
            raise ValueError("session_expires_s must be 90 or more (RFC 4028 section 5)")
        if not 1 <= self.max_legs <= 2_000:
            raise ValueError("max_legs must be between 1 and 2000")
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key belong together")
