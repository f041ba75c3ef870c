"""Audio stays between those it belongs to: strangers, silent listeners, key presses, phones behind NAT, full ranges."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from telephony.effects import SetMix
from telephony.events import DtmfReceived
from telephony.model import everyone_hears_everyone
from tests.telephony.calls import answered, arrived, finish
from tests.telephony.conftest import RTP_PORTS, STRANGER, Exchange, Phones, first_rtp_port
from tests.telephony.rtp import RtpAudio

pytestmark = [pytest.mark.loopback, pytest.mark.native]

C_HZ, A_HZ, E_HZ, STRANGER_HZ = 440, 620, 880, 1_750
DTMF_HZ = (697, 770, 852, 941, 1_209, 1_336, 1_477, 1_633)
FAR_FROM_KEYS_HZ = 2_050
"""A hole in this tone does not spill into theirs."""
FIRST_DIALLED_PORT = first_rtp_port() + RTP_PORTS // 2
LAST_DIALLED_PORT = FIRST_DIALLED_PORT + RTP_PORTS // 2 - 2


async def test_stranger_who_floods_a_call_is_not_heard(exchange: Exchange, phones: Phones) -> None:
    """Design "The door": RTP is locked to the negotiated source; nobody else is heard or gets our audio."""
    customer, agent = await phones.customer(C_HZ), await phones.registered("ana", tone_hz=A_HZ)
    c, a = await arrived(exchange, customer), await answered(exchange, "ana")
    both = frozenset({c, a})
    exchange.switch.perform(SetMix(both, everyone_hears_everyone(both)))
    await agent.until_hears(C_HZ)
    await customer.until_hears(A_HZ)
    agent.audio.recording, customer.audio.recording = bytearray(), bytearray()
    stranger = await RtpAudio.open(STRANGER, STRANGER_HZ)
    for _ in range(25):
        stranger.flood(customer.remote_rtp, 40)
        await asyncio.sleep(0.01)
    await agent.until(lambda: len(agent.audio.recording or b"") > 4_000)
    await customer.until(lambda: len(customer.audio.recording or b"") > 4_000)
    assert agent.audio.recorded_ms(STRANGER_HZ) == 0
    assert stranger.packets == 0
    await agent.until_hears(C_HZ, deaf_to=(STRANGER_HZ,))
    await customer.until_hears(A_HZ)
    stranger.close()
    await finish(exchange, c, a)


async def test_phone_behind_nat_is_heard_and_reached(exchange: Exchange, phones: Phones) -> None:
    """A private address in Contact and SDP: ACK and BYE go where the phone was heard, its audio is learnt once."""
    agent = await phones.unregistered("ana", tone_hz=A_HZ)
    agent.private_host = "10.66.0.9"
    assert (await agent.register("s3cret")).status == 200
    customer = await phones.customer(C_HZ)
    c, a = await arrived(exchange, customer), await answered(exchange, "ana")
    await agent.until(lambda: any(request.method == "ACK" for request in agent.requests))
    both = frozenset({c, a})
    exchange.switch.perform(SetMix(both, everyone_hears_everyone(both)))
    await customer.until_hears(A_HZ)
    await agent.until_hears(C_HZ)
    stranger = await RtpAudio.open(STRANGER, STRANGER_HZ)
    stranger.flood(agent.remote_rtp, 200)
    customer.audio.recording = bytearray()
    await customer.until(lambda: len(customer.audio.recording or b"") > 2_000)
    assert customer.audio.recorded_ms(STRANGER_HZ) == 0
    await customer.until_hears(A_HZ)
    assert stranger.packets == 0
    stranger.close()
    await finish(exchange, a, c)
    await agent.until(lambda: agent.talk is None)


async def test_caller_behind_nat_gets_our_goodbye(exchange: Exchange, phones: Phones) -> None:
    customer = await phones.customer(C_HZ)
    customer.private_host = "192.168.7.7"
    c = await arrived(exchange, customer)
    await finish(exchange, c)
    await customer.until(lambda: customer.talk is None)


async def test_who_only_listens_is_heard_by_nobody(exchange: Exchange, phones: Phones) -> None:
    """Issue 3 item 6: listening cannot open the microphone, however loud the supervisor's phone is."""
    customer, agent = await phones.customer(C_HZ), await phones.registered("ana", tone_hz=A_HZ)
    supervisor = await phones.registered("eva", tone_hz=E_HZ)
    c, a, s = await arrived(exchange, customer), await answered(exchange, "ana"), await answered(exchange, "eva")
    talking = everyone_hears_everyone(frozenset({c, a}))
    exchange.switch.perform(SetMix(frozenset({c, a, s}), talking | {(c, s), (a, s)}))
    await supervisor.until_hears(C_HZ, A_HZ, deaf_to=(E_HZ,))
    customer.audio.recording, agent.audio.recording = bytearray(), bytearray()
    await customer.until(lambda: customer.audio.recorded_ms(A_HZ) > 500)
    await agent.until(lambda: agent.audio.recorded_ms(C_HZ) > 500)
    assert (customer.audio.recorded_ms(E_HZ), agent.audio.recorded_ms(E_HZ)) == (0, 0)
    await finish(exchange, c, a, s)


async def test_keys_of_the_agent_are_not_heard_by_the_customer(exchange: Exchange, phones: Phones) -> None:
    """S04 step 2: `*71` by RTP events and by INFO leaves no tone above 40 ms; in-band tones are out of scope."""
    customer, agent = await phones.customer(C_HZ), await phones.registered("ana", tone_hz=FAR_FROM_KEYS_HZ)
    c, a = await arrived(exchange, customer), await answered(exchange, "ana")
    both = frozenset({c, a})
    exchange.switch.perform(SetMix(both, everyone_hears_everyone(both)))
    await customer.until_hears(FAR_FROM_KEYS_HZ)
    customer.audio.recording = bytearray()
    for key in "*71":
        agent.press(key)
        await asyncio.sleep(0.06)
        body = f"Signal={key}\r\nDuration=160\r\n"
        assert (await agent.request_in_dialog("INFO", body, "application/dtmf-relay")).status == 200
    await agent.until(lambda: sum(isinstance(event, DtmfReceived) for event in exchange.seen.events) == 6)
    told_at_ms = customer.audio.recorded_ms(FAR_FROM_KEYS_HZ)
    await customer.until(lambda: customer.audio.recorded_ms(FAR_FROM_KEYS_HZ) > told_at_ms + 400)
    assert max(customer.audio.recorded_ms(tone) for tone in DTMF_HZ) <= 40
    await finish(exchange, c, a)


async def test_more_legs_in_a_row_than_one_search_used_to_try(exchange: Exchange, phones: Phones) -> None:
    """With hundreds of ports taken in a row the next leg still finds a free pair."""
    phone = await phones.registered("ana", tone_hz=A_HZ)
    with contextlib.ExitStack() as taken:
        for port in range(FIRST_DIALLED_PORT, LAST_DIALLED_PORT - 6, 2):
            holder = taken.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            with contextlib.suppress(OSError):
                holder.bind(("127.0.0.1", port))
        for _ in range(3):
            leg = await answered(exchange, "ana")
            assert phone.remote_rtp[1] >= LAST_DIALLED_PORT - 6
            await finish(exchange, leg)
            exchange.seen.events.clear()
