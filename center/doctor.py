"""`ringside doctor`: looks at everything a node needs and says what to mend."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import socket
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from center.node import open_store
from center.settings import Settings
from desk.app import STATIC_DIR
from store.errors import StoreError

SHARED_MEMORY = Path("/dev/shm")
LITTLE_DISK_BYTES = 500_000_000
CERTIFICATE_WARNING = timedelta(days=14)


class Verdict(StrEnum):
    """How a check ended."""

    GOOD = "good"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check and what it says; a bad one says what to do."""

    check: str
    verdict: Verdict
    says: str


async def examine(settings: Settings) -> list[Finding]:
    """Run every check. Nothing is changed but an empty database that is made on the way."""
    running = running_node(settings)
    return [
        check_softswitch(),
        *([Finding("node", Verdict.GOOD, f"running at {running}; its ports are taken by itself")] if running else []),
        *([] if running else check_ports(settings)),
        await check_broker(settings),
        await check_database(settings),
        check_disk(settings.state_dir),
        check_certificate(settings.state_dir / "sip" / "sip-tls.crt"),
        check_web_desk(),
        check_browser_phones(settings),
    ]


def running_node(settings: Settings) -> str | None:
    """The web address of a node that runs with this state directory, if its process is alive."""
    try:
        content = json.loads((settings.state_dir / "node.json").read_text())
        alive = Path(f"/proc/{int(content['pid'])}").exists()
        return str(content["web"]) if alive else None
    except (OSError, ValueError, KeyError):
        return None


def check_softswitch() -> Finding:
    if importlib.util.find_spec("pjsua2") is None:
        return Finding("softswitch", Verdict.BROKEN, "The PJSIP module is not installed: run `make setup`.")
    return Finding("softswitch", Verdict.GOOD, "PJSIP module installed")


def check_browser_phones(settings: Settings) -> Finding:
    """Phones in pages need the media library, and shared memory between the node and its media workers."""
    what, section = "browser phones", settings.browser_phone
    if importlib.util.find_spec("aiortc") is None:
        return Finding(what, Verdict.WARNING, "off: the Python package aiortc is missing; run `make setup`.")
    if not section.enabled:
        return Finding(what, Verdict.GOOD, "switched off by browser_phone.enabled")
    if not os.access(SHARED_MEMORY, os.W_OK):
        return Finding(what, Verdict.BROKEN, f"{SHARED_MEMORY} cannot be written: browsers' calls will have no audio.")
    calls = section.most_workers * section.peers_per_worker
    return Finding(what, Verdict.GOOD, f"{calls} calls at once, by {section.most_workers} media workers at most")


def check_ports(settings: Settings) -> list[Finding]:
    sip, web, presence = settings.sip, settings.web, settings.presence
    wanted = [
        ("web port", socket.SOCK_STREAM, web.host, web.port, "web.port"),
        ("SIP over UDP", socket.SOCK_DGRAM, sip.address, sip.udp_port, "sip.udp_port"),
        ("SIP over TCP", socket.SOCK_STREAM, sip.address, sip.tcp_port, "sip.tcp_port"),
        ("SIP over TLS", socket.SOCK_STREAM, sip.address, sip.tls_port, "sip.tls_port"),
    ]
    if presence.host is None:
        address, port = presence.private_address, presence.private_port
        wanted.append(("presence port", socket.SOCK_STREAM, address, port, "presence.private_port"))
    return [_check_port(*what) for what in wanted]


def _check_port(what: str, kind: socket.SocketKind, host: str, port: int, setting: str) -> Finding:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            says = f"{host} port {port}: {error.strerror}. Stop what uses it, or set {setting}."
            return Finding(what, Verdict.BROKEN, says)
    return Finding(what, Verdict.GOOD, f"{host} port {port or 'any'} is free")


async def check_broker(settings: Settings) -> Finding:
    presence = settings.presence
    if presence.host is None:
        found = any(shutil.which("mosquitto", path=path) for path in (None, "/usr/sbin:/usr/local/sbin"))
        if not found:
            return Finding("broker", Verdict.BROKEN, "Mosquitto is missing: install the package mosquitto.")
        return Finding("broker", Verdict.GOOD, "private Mosquitto, started with the node")
    try:
        async with asyncio.timeout(3):
            _, writer = await asyncio.open_connection(presence.host, presence.port)
    except (OSError, TimeoutError) as error:
        says = f"{presence.host}:{presence.port} does not answer ({error or 'time-out'}): availability will be unknown."
        return Finding("broker", Verdict.BROKEN, says)
    writer.close()
    return Finding("broker", Verdict.GOOD, f"{presence.host}:{presence.port} answers")


async def check_database(settings: Settings) -> Finding:
    settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        store = await open_store(settings)
    except StoreError as error:
        return Finding("database", Verdict.BROKEN, str(error))
    try:
        people = await store.directory.people()
    finally:
        await store.close()
    return Finding("database", Verdict.GOOD, f"schema up to date, {len(people)} people")


def check_disk(state_dir: Path) -> Finding:
    free = shutil.disk_usage(state_dir).free
    says = f"{free / 1e9:.1f} GB free in {state_dir}"
    if free < LITTLE_DISK_BYTES:
        return Finding("disk", Verdict.WARNING, f"{says}: the event log needs room; free some.")
    return Finding("disk", Verdict.GOOD, says)


def check_certificate(path: Path) -> Finding:
    if not path.exists():
        return Finding("TLS certificate", Verdict.GOOD, "a self-signed one is made at the first start")
    ends = _certificate_end(path)
    if ends is None:
        return Finding("TLS certificate", Verdict.BROKEN, f"openssl cannot read {path}; remove it to get a new one.")
    return _judge_certificate(ends)


def _judge_certificate(ends: datetime) -> Finding:
    if ends < datetime.now(UTC):
        return Finding("TLS certificate", Verdict.BROKEN, f"expired on {ends:%Y-%m-%d}: replace it.")
    verdict = Verdict.WARNING if ends < datetime.now(UTC) + CERTIFICATE_WARNING else Verdict.GOOD
    return Finding("TLS certificate", verdict, f"valid until {ends:%Y-%m-%d}")


def _certificate_end(path: Path) -> datetime | None:
    command = ["openssl", "x509", "-in", str(path), "-noout", "-enddate", "-dateopt", "iso_8601"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    text = shown.stdout.strip().removeprefix("notAfter=")
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if shown.returncode == 0 and text else None


def check_web_desk() -> Finding:
    if not (STATIC_DIR / "index.html").exists():
        return Finding("web desk", Verdict.BROKEN, "The pages are not built: run `make setup`.")
    return Finding("web desk", Verdict.GOOD, "pages built")
