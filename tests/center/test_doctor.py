"""`ringside doctor`: each thing that can be wrong is found and told with what to mend."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from center import doctor
from center.doctor import Finding, Verdict
from center.settings import PresenceSection, Settings, SipSettings, WebSettings

FREE = {
    "web": WebSettings(port=0),
    "sip": SipSettings(udp_port=0, tcp_port=0, tls_port=0),
    "presence": PresenceSection(private_port=0),
}


def settings_for(tmp_path: Path, **sections: object) -> Settings:
    return Settings(state_dir=tmp_path / "state", **{**FREE, **sections})  # type: ignore[arg-type]


async def finding(settings: Settings, check: str) -> Finding:
    findings = await doctor.examine(settings)
    return next(found for found in findings if found.check == check)


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A TCP port somebody listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield int(other.getsockname()[1])


async def test_a_sound_machine_has_nothing_broken_but_what_is_not_built(tmp_path: Path) -> None:
    findings = await doctor.examine(settings_for(tmp_path))
    broken = {found.check for found in findings if found.verdict is Verdict.BROKEN}
    assert broken <= {"web desk", "softswitch"}
    assert {found.check for found in findings} == {
        "softswitch", "web port", "SIP over UDP", "SIP over TCP", "SIP over TLS", "presence port", "broker",
        "database", "disk", "TLS certificate", "web desk", "browser phones",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("section", "check", "setting"),
    [
        ({"web": "port"}, "web port", "web.port"),
        ({"sip": "tcp_port"}, "SIP over TCP", "sip.tcp_port"),
        ({"sip": "tls_port"}, "SIP over TLS", "sip.tls_port"),
        ({"presence": "private_port"}, "presence port", "presence.private_port"),
    ],
)
async def test_a_taken_port_is_named_with_its_setting(
    tmp_path: Path, taken_port: int, section: dict[str, str], check: str, setting: str
) -> None:
    name, field = next(iter(section.items()))
    changed = FREE[name].model_copy(update={field: taken_port})
    told = await finding(settings_for(tmp_path, **{name: changed}), check)
    assert told.verdict is Verdict.BROKEN
    assert str(taken_port) in told.says
    assert setting in told.says


async def test_a_taken_udp_port_is_told_too(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        sip = SipSettings(udp_port=other.getsockname()[1], tcp_port=0, tls_port=0)
        told = await finding(settings_for(tmp_path, sip=sip), "SIP over UDP")
    assert (told.verdict, "sip.udp_port" in told.says) == (Verdict.BROKEN, True)


async def test_an_address_that_is_not_this_machines_is_told(tmp_path: Path) -> None:
    sip = SipSettings(address="192.0.2.77", udp_port=0, tcp_port=0, tls_port=0)
    assert (await finding(settings_for(tmp_path, sip=sip), "SIP over UDP")).verdict is Verdict.BROKEN


async def test_a_configured_broker_that_does_not_answer_is_told(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]  # bound, but nobody listens
        told = await finding(settings_for(tmp_path, presence=PresenceSection(host="127.0.0.1", port=port)), "broker")
    assert (told.verdict, f"127.0.0.1:{port}" in told.says) == (Verdict.BROKEN, True)


async def test_a_configured_broker_that_answers_is_good(tmp_path: Path, taken_port: int) -> None:
    presence = PresenceSection(host="127.0.0.1", port=taken_port)
    assert (await finding(settings_for(tmp_path, presence=presence), "broker")).verdict is Verdict.GOOD


async def test_a_missing_mosquitto_is_told_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_args, **_kwargs: None)
    told = await finding(settings_for(tmp_path), "broker")
    assert (told.verdict, "mosquitto" in told.says) == (Verdict.BROKEN, True)


async def test_a_database_that_cannot_be_used_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGSIDE_STORE__URL", "postgresql://ringside:secret@127.0.0.1:1/ringside")
    told = await finding(settings_for(tmp_path), "database")
    assert told.verdict is Verdict.BROKEN
    assert "secret" not in told.says


async def test_a_database_of_an_unknown_kind_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGSIDE_STORE__URL", "oracle://somewhere/ringside")
    assert (await finding(settings_for(tmp_path), "database")).verdict is Verdict.BROKEN


async def test_little_room_on_the_disk_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LITTLE_DISK_BYTES", 1 << 62)
    assert (await finding(settings_for(tmp_path), "disk")).verdict is Verdict.WARNING


CA_CONFIG = """
[ca]
default_ca = own
[own]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = anything
[anything]
commonName = supplied
"""


def make_certificate(folder: Path, days: int) -> None:
    """A self-signed certificate that ends in so many days (`openssl req` itself makes none that has expired)."""
    folder.mkdir(parents=True)
    (folder / "ca.cnf").write_text(CA_CONFIG)
    (folder / "index.txt").touch()
    begins, ends = (datetime.now(UTC) + timedelta(days=d) for d in (-400, days))
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "sip-tls.key"]
    dates = ["-startdate", f"{begins:%Y%m%d%H%M%SZ}", "-enddate", f"{ends:%Y%m%d%H%M%SZ}"]
    for command in (
        ["openssl", "req", "-new", *key, "-subj", "/CN=ringside", "-out", "request.csr"],
        ["openssl", "ca", "-batch", "-selfsign", "-notext", "-config", "ca.cnf", "-keyfile", "sip-tls.key",
         "-in", "request.csr", "-out", "sip-tls.crt", *dates],
    ):  # fmt: skip
        subprocess.run(command, cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize(("days", "verdict"), [(365, Verdict.GOOD), (5, Verdict.WARNING), (-1, Verdict.BROKEN)])
async def test_a_certificate_is_judged_by_its_last_day(tmp_path: Path, days: int, verdict: Verdict) -> None:
    settings = settings_for(tmp_path)
    make_certificate(settings.state_dir / "sip", days)
    assert (await finding(settings, "TLS certificate")).verdict is verdict


async def test_a_certificate_that_is_none_is_told(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    (settings.state_dir / "sip").mkdir(parents=True)
    (settings.state_dir / "sip" / "sip-tls.crt").write_text("not a certificate\n")
    assert (await finding(settings, "TLS certificate")).verdict is Verdict.BROKEN


async def test_pages_that_are_not_built_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "STATIC_DIR", tmp_path)
    told = [found for found in await doctor.examine(settings_for(tmp_path)) if found.says.startswith("The pages")]
    assert [found.verdict for found in told] == [Verdict.BROKEN]


def test_browser_phones_need_their_library_and_shared_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on, off = Settings(), Settings.model_validate({"browser_phone": {"enabled": False}})
    assert doctor.check_browser_phones(on).says == "48 calls at once, by 4 media workers at most"
    assert doctor.check_browser_phones(off).verdict is Verdict.GOOD
    monkeypatch.setattr(doctor, "SHARED_MEMORY", tmp_path / "absent")
    assert doctor.check_browser_phones(on).verdict is Verdict.BROKEN
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert doctor.check_browser_phones(on).verdict is Verdict.WARNING


async def test_the_ports_of_a_node_that_runs_here_are_not_called_taken(tmp_path: Path, taken_port: int) -> None:
    settings = settings_for(tmp_path, web=WebSettings(port=taken_port))
    settings.state_dir.mkdir()
    note = {"pid": os.getpid(), "web": "http://127.0.0.1:8080"}
    (settings.state_dir / "node.json").write_text(json.dumps(note))
    findings = await doctor.examine(settings)
    assert ("node", Verdict.GOOD) in {(found.check, found.verdict) for found in findings}
    assert "SIP over UDP" not in {found.check for found in findings}


async def test_a_node_that_died_does_not_count_as_running(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    settings.state_dir.mkdir()
    gone = await asyncio.create_subprocess_exec("true")
    await gone.wait()
    (settings.state_dir / "node.json").write_text(json.dumps({"pid": gone.pid, "web": "http://127.0.0.1:8080"}))
    assert doctor.running_node(settings) is None
