"""Starting and stopping the switch: bindings survive a restart, a taken port is told, nothing is left behind."""

from __future__ import annotations

import asyncio
import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from siplab.ports import lasting_port

from telephony.adapters.pjsip import PjsipSwitch
from telephony.admission import Directory
from telephony.digest import Algorithm, DigestSettings
from telephony.errors import CertificateUnavailable, PortTaken
from telephony.events import LegAnswered, PhoneRegistered
from telephony.registrar import Binding
from tests.telephony.calls import answered, arrived, dial, ended, finish, run
from tests.telephony.conftest import DIRECTORY, PASSWORD, Exchange, Phones, Seen, settings
from tests.telephony.phone import Phone
from vocabulary import PersonId

pytestmark = [pytest.mark.loopback, pytest.mark.native]


async def test_bindings_survive_a_restart(tmp_path: Path) -> None:
    """Issue 2 part 3: a phone that registered before can be rung right after a restart."""
    saved: dict[PersonId, tuple[Binding, ...]] = {}
    udp = Phone("ana", ("127.0.0.1", 0))
    for life in ("first", "second"):
        seen = Seen()
        before = [binding for bindings in saved.values() for binding in bindings]
        switch = PjsipSwitch(settings(tmp_path), DIRECTORY, seen.add, before, saved.__setitem__)
        await switch.start()
        try:
            exchange = Exchange(switch, seen)
            udp.server = exchange.udp
            if life == "first":
                await udp.start()
                assert (await udp.register(PASSWORD)).status == 200
            await seen.first(PhoneRegistered)
            leg = dial(exchange, "ana")
            await seen.first(LegAnswered)
            await finish(exchange, leg)
        finally:
            await switch.stop()
    await udp.close()
    assert len(udp.invites) == 2


async def test_taken_port_is_told_in_words_and_leaves_nothing_behind(tmp_path: Path) -> None:
    port = lasting_port(socket.SOCK_DGRAM)
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind(("127.0.0.1", port))
    blocked = PjsipSwitch(replace(settings(tmp_path), udp_port=port), Directory(), lambda event: None)
    with pytest.raises(PortTaken, match=f"cannot listen for SIP over UDP on 127.0.0.1:{port}"):
        await blocked.start()
    await blocked.stop()
    taken.close()
    free = PjsipSwitch(replace(settings(tmp_path), udp_port=port), Directory(), lambda event: None)
    await free.start()
    assert free.ports.udp == port
    await free.stop()


async def test_stopping_says_goodbye_to_everybody(tmp_path: Path) -> None:
    seen = Seen()
    switch = PjsipSwitch(settings(tmp_path), DIRECTORY, seen.add)
    await switch.start()
    exchange = Exchange(switch, seen)
    phones = Phones(exchange)
    customer, agent = await phones.customer(440), await phones.registered("ana", tone_hz=620)
    c, a = await arrived(exchange, customer), await answered(exchange, "ana")
    await switch.stop()
    await customer.until(lambda: customer.talk is None)
    await agent.until(lambda: agent.talk is None)
    assert [event.end.reason for event in (seen.of(c)[-1], seen.of(a)[-1])] == ["stopping", "stopping"]  # type: ignore[union-attr]
    await phones.close()


async def test_all_interfaces_are_served_when_no_address_is_named(tmp_path: Path) -> None:
    seen = Seen()
    switch = PjsipSwitch(replace(settings(tmp_path), bind_address="0.0.0.0"), DIRECTORY, seen.add)
    await switch.start()
    exchange = Exchange(switch, seen)
    phones = Phones(exchange)
    await phones.registered("ana")
    await finish(exchange, await answered(exchange, "ana"))
    await phones.close()
    await switch.stop()


async def test_private_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    switch = PjsipSwitch(settings(tmp_path), Directory(), lambda event: None)
    await switch.start()
    await switch.stop()
    assert (tmp_path / "sip-tls.key").stat().st_mode & 0o077 == 0


async def test_missing_openssl_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    switch = PjsipSwitch(settings(tmp_path), Directory(), lambda event: None)
    with pytest.raises(CertificateUnavailable, match="apt install openssl"):
        await switch.start()
    await switch.stop()


async def test_phone_that_knows_only_md5_registers_when_md5_alone_is_offered(tmp_path: Path) -> None:
    """sipsak gives up at the first challenge it does not know; `digest.algorithms` is the way out for such phones."""
    seen = Seen()
    digest = DigestSettings(algorithms=(Algorithm.MD5,))
    switch = PjsipSwitch(replace(settings(tmp_path), digest=digest), DIRECTORY, seen.add)
    await switch.start()
    host, port = Exchange(switch, seen).udp
    who = ["-U", "-C", "sip:ana@127.0.0.1:5999", "-s", f"sip:ana@{host}:{port}", "-u", "ana", "-x", "600", "-a"]
    assert await run(tmp_path, "sipsak", *who, PASSWORD) == 0
    assert (await seen.first(PhoneRegistered)).person == "ana"
    assert await run(tmp_path, "sipsak", *who, "guess") != 0
    await switch.stop()


async def test_full_switch_refuses_new_legs_and_keeps_the_running_one(tmp_path: Path) -> None:
    """Design section 10: past the limit new calls get 503, running ones stay clean."""
    seen = Seen()
    switch = PjsipSwitch(replace(settings(tmp_path), max_legs=1), DIRECTORY, seen.add)
    await switch.start()
    exchange = Exchange(switch, seen)
    phones = Phones(exchange)
    first, second = await phones.customer(440), await phones.customer()
    leg = await arrived(exchange, first)
    refused = await second.call("100")
    assert (refused.status, refused.get("retry-after")) == (503, "2")
    await phones.registered("ana")
    dialled = dial(exchange, "ana")
    assert (await ended(exchange, dialled)).end.reason == "overloaded"
    assert len(seen.of(leg)) == 2
    await finish(exchange, leg)
    await finish(exchange, await answered(exchange, "ana"))
    await phones.close()
    await switch.stop()


async def test_library_prints_nothing_while_it_is_created() -> None:
    """Standard output belongs to the command that starts the node (`--json`)."""
    program = "import pjsua2 as pj; endpoint = pj.Endpoint(); endpoint.libCreate(); endpoint.libDestroy()"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    printed, _ = await asyncio.wait_for(child.communicate(), 60.0)
    assert (child.returncode, printed) == (0, b"")
