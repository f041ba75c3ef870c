"""Opens PJSIP as our settings say: limits, media, transports, codecs, the two local accounts. Owner thread only."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import pjsua2 as pj

from telephony.adapters.guard import guarded
from telephony.certificate import CertificateFiles, ensure_certificate
from telephony.errors import PortTaken, SwitchError
from telephony.settings import SwitchSettings

_PREFERENCE_TOP = 250
_SPARE_CALLS = 64
"""Calls beside the legs': branches of forked legs, and calls that are being refused."""
_MOST_CALLS = 2_048
"""PJSUA_MAX_CALLS of our build."""


@dataclass(frozen=True, slots=True)
class SwitchPorts:
    """The ports really bound; None for a transport that is off."""

    udp: int | None
    tcp: int | None
    tls: int | None


class ArrivalAccount(pj.Account):
    """The local account incoming calls belong to."""

    def __init__(self, on_arrival: Callable[[int], None]) -> None:
        super().__init__()
        self._on_arrival = on_arrival

    @guarded
    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:
        self._on_arrival(prm.callId)


@dataclass(slots=True)
class OpenEndpoint:
    """A running endpoint. `arrivals` takes calls and dials over TLS (SRTP optional), `plain` dials over UDP and TCP.

    Two accounts, because keys sent in the clear protect nobody and their SDP lines would push an INVITE past what fits
    into one UDP packet.
    """

    endpoint: pj.Endpoint
    arrivals: ArrivalAccount
    plain: pj.Account
    ports: SwitchPorts

    def close(self) -> None:
        """Destroy in the order PJSIP wants; calls, ports and players must be gone already. Not usable afterwards.

        Forgetting the endpoint here, on the owner thread, is what lets another one be made in this process.
        """
        for account in (self.arrivals, self.plain):
            with contextlib.suppress(pj.Error):
                account.shutdown()
        del self.arrivals, self.plain
        self.endpoint.libDestroy(pj.PJSUA_DESTROY_NO_RX_MSG)
        del self.endpoint


def create_endpoint(settings: SwitchSettings) -> pj.Endpoint:
    """Create and initialise the library, not yet listening.

    Raises:
        SwitchError: The state directory cannot be used, or PJSIP refuses.
    """
    try:
        settings.state_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SwitchError(f"cannot use the state directory: {error}") from None
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    try:
        endpoint.libInit(_endpoint_config(settings))
    except pj.Error as error:
        endpoint.libDestroy()
        raise SwitchError(f"PJSIP does not start: {error.reason}") from None
    return endpoint


def open_endpoint(endpoint: pj.Endpoint, settings: SwitchSettings, on_arrival: Callable[[int], None]) -> OpenEndpoint:
    """Bind the transports, start the library and add the accounts.

    Raises:
        PortTaken: A configured port cannot be bound.
        SwitchError: PJSIP refuses for another reason.
    """
    ports = SwitchPorts(
        udp=_listen(endpoint, settings, pj.PJSIP_TRANSPORT_UDP, "UDP", settings.udp_port),
        tcp=_listen(endpoint, settings, pj.PJSIP_TRANSPORT_TCP, "TCP", settings.tcp_port),
        tls=_listen(endpoint, settings, pj.PJSIP_TRANSPORT_TLS, "TLS", settings.tls_port),
    )
    try:
        endpoint.libStart()
        endpoint.audDevManager().setNullDev()
        _choose_codecs(endpoint, settings)
        arrivals = ArrivalAccount(on_arrival)
        lower, upper = _halves(settings)
        arrivals.create(_account_config(settings, "ringside", lower, srtp=settings.srtp), True)
        plain = pj.Account()
        plain.create(_account_config(settings, "ringside-out", upper, srtp=False), False)
    except pj.Error as error:
        raise SwitchError(f"PJSIP does not start: {error.reason}") from None
    return OpenEndpoint(endpoint, arrivals, plain, ports)


def _endpoint_config(settings: SwitchSettings) -> pj.EpConfig:
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.uaConfig.maxCalls = min(settings.max_legs + _SPARE_CALLS, _MOST_CALLS)
    config.uaConfig.userAgent = settings.user_agent
    config.uaConfig.natTypeInSdp = 0
    config.uaConfig.noRefersub = True
    config.logConfig.consoleLevel = 0
    config.logConfig.level = settings.pjsip_log_level
    config.logConfig.msgLogging = 1 if settings.pjsip_log_level >= 4 else 0
    if settings.pjsip_log_level:
        config.logConfig.filename = str(settings.state_dir / "pjsip.log")
    media = config.medConfig
    media.clockRate = settings.clock_rate_hz
    media.sndClockRate = settings.clock_rate_hz
    media.channelCount = 1
    media.audioFramePtime = settings.frame_ms
    media.ptime = settings.frame_ms
    media.noVad = True
    media.ecTailLen = 0
    media.ecOptions = 0
    media.threadCnt = 1
    media.maxMediaPorts = min(3 * settings.max_legs + 64, 6_144)
    # The null sound device is the bridge's clock: closing it when idle would leave queued bridge operations undone.
    media.sndAutoCloseTime = -1
    return config


def _listen(endpoint: pj.Endpoint, settings: SwitchSettings, kind: int, name: str, port: int | None) -> int | None:
    if port is None:
        return None
    config = pj.TransportConfig()
    config.port = port
    config.boundAddress = "" if settings.bind_address == "0.0.0.0" else settings.bind_address
    config.publicAddress = settings.public_address
    if kind == pj.PJSIP_TRANSPORT_TLS:
        files = _certificate(settings)
        config.tlsConfig.certFile = str(files.certificate)
        config.tlsConfig.privKeyFile = str(files.key)
    try:
        transport = endpoint.transportCreate(kind, config)
        bound = str(endpoint.transportGetInfo(transport).localName)
    except pj.Error as error:
        where = f"{settings.bind_address}:{port}"
        raise PortTaken(f"cannot listen for SIP over {name} on {where}: {error.reason}") from None
    return int(bound.rpartition(":")[2]) if port == 0 else port


def _certificate(settings: SwitchSettings) -> CertificateFiles:
    if settings.tls_certificate is not None and settings.tls_key is not None:
        return CertificateFiles(settings.tls_certificate, settings.tls_key)
    return ensure_certificate(settings.state_dir, settings.domain)


def _choose_codecs(endpoint: pj.Endpoint, settings: SwitchSettings) -> None:
    for known in endpoint.codecEnum2():
        rank = next((at for at, wanted in enumerate(settings.codecs) if known.codecId.startswith(f"{wanted}/")), None)
        endpoint.codecSetPriority(known.codecId, 0 if rank is None else _PREFERENCE_TOP - rank)


@dataclass(frozen=True, slots=True)
class _RtpPorts:
    first: int
    last: int


def _halves(settings: SwitchSettings) -> tuple[_RtpPorts, _RtpPorts]:
    """Give each account ports of its own: it looks for a free pair from where it stopped last, so two accounts in one
    range would keep running into each other's legs."""
    half = settings.rtp_port_count // 4 * 2
    first, second = settings.rtp_port_first, settings.rtp_port_first + half
    return _RtpPorts(first, first + half - 2), _RtpPorts(second, second + half - 2)


def _account_config(settings: SwitchSettings, user: str, ports: _RtpPorts, *, srtp: bool) -> pj.AccountConfig:
    config = pj.AccountConfig()
    config.idUri = f"sip:{user}@{settings.domain}"
    config.regConfig.registerOnAdd = False
    config.callConfig.timerUse = pj.PJSUA_SIP_TIMER_OPTIONAL
    config.callConfig.timerMinSESec = 90
    config.callConfig.timerSessExpiresSec = settings.session_expires_s
    config.natConfig.contactRewriteUse = 0
    config.natConfig.viaRewriteUse = False
    config.natConfig.sdpNatRewriteUse = 0
    config.natConfig.sipOutboundUse = 0
    media = config.mediaConfig
    media.transportConfig.port = ports.first
    media.transportConfig.portRange = ports.last - ports.first
    media.transportConfig.boundAddress = "" if settings.bind_address == "0.0.0.0" else settings.bind_address
    media.transportConfig.publicAddress = settings.public_address
    # Locking the codec costs a re-INVITE after each answer that names several: the customer shall never get one (N3).
    media.lockCodecEnabled = False
    media.srtpUse = pj.PJMEDIA_SRTP_OPTIONAL if srtp else pj.PJMEDIA_SRTP_DISABLED
    media.srtpSecureSignaling = 0
    if srtp:
        keyings = pj.IntVector()
        keyings.append(pj.PJMEDIA_SRTP_KEYING_SDES)
        media.srtpOpt.keyings = keyings
    return config
