"""The presence service on a real Mosquitto (DC-02, CE-02, N6, S06)."""

from __future__ import annotations

import json
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from presence.errors import AccountRefused, ContractError, RefusalCause, UnknownPerson
from presence.model import AvailabilityState, Source, Status
from presence.runner import PresenceService
from presence.settings import PresenceSettings
from tests.presence.conftest import (
    EVA,
    IVAN,
    PASSWORDS,
    PREFIX,
    TOPICS,
    Company,
    SetClock,
    first_message,
    open_company,
    reconnecting_client,
    until,
)
from vocabulary import PersonId

pytestmark = pytest.mark.loopback

FREE, BUSY, AWAY, UNKNOWN = (
    AvailabilityState.FREE,
    AvailabilityState.BUSY,
    AvailabilityState.AWAY,
    AvailabilityState.UNKNOWN,
)
UC_EVA = TOPICS.source(EVA, Source.UC)


async def test_uc_status_over_mqtt_is_shown_with_reason(company: Company) -> None:
    """CE-02, DC-02: a UC client publishes, the agent's list follows."""
    async with company.client(EVA) as eva:
        await eva.publish(UC_EVA, b'{"status":"available"}', qos=1, retain=True)
        shown = await company.until_shown(EVA, FREE)
        assert shown.because == "UC status: available"
        await eva.publish(UC_EVA, b'{"status":"dnd","reason":"exam"}', qos=1, retain=True)
        assert (await company.until_shown(EVA, BUSY)).because == "UC status: do not disturb (exam)"
    assert company.service.availability(IVAN).because == "nothing known"


async def test_killed_client_is_not_free_any_more(company: Company) -> None:
    """S06 step 2: no DISCONNECT, so the broker publishes the last will."""
    process = await company.uc_process(EVA)
    try:
        await company.until_shown(EVA, FREE)
    finally:
        process.kill()
        await process.wait()
    await company.until_shown(EVA, UNKNOWN, "client disconnected")


async def test_killed_broker_makes_everybody_unknown_and_comes_back_by_itself(company: Company) -> None:
    """S06 step 3, design section 8: unknown at once, right again without hands; a call goes on counting."""
    broker = company.service.broker
    assert broker is not None
    assert broker.pid is not None
    async with reconnecting_client(company, EVA), reconnecting_client(company, IVAN):
        await company.until_shown(EVA, FREE)
        await company.until_shown(IVAN, FREE)
        company.service.line_state(IVAN, in_call=True)
        os.kill(broker.pid, signal.SIGKILL)
        await company.until_shown(EVA, UNKNOWN, "presence broker unreachable since")
        assert not company.service.connected
        assert company.service.availability(IVAN).because.startswith("in a call since")
        await company.until_shown(EVA, FREE)
        company.service.line_state(IVAN, in_call=False)
        await company.until_shown(IVAN, FREE)
        assert broker.restarts >= 1


async def test_own_choice_survives_a_killed_broker(company: Company, tmp_path: Path) -> None:
    """Who said "do not disturb" must not be shown free because a process died."""
    broker = company.service.broker
    assert broker is not None
    assert broker.pid is not None
    company.service.choose(EVA, Status.DND, reason="exam")
    await company.until_shown(EVA, BUSY)
    database = tmp_path / "broker" / "mosquitto.db"
    await until(lambda: database.exists() and b'"exam"' in database.read_bytes())
    os.kill(broker.pid, signal.SIGKILL)
    await company.until_shown(EVA, UNKNOWN)
    assert (await company.until_shown(EVA, BUSY)).because == "own choice: exam"


async def test_bad_messages_harm_nobody(company: Company) -> None:
    """Issue 2: malformed JSON, unknown topic, oversized, over-long reason: counted, and the next good one counts."""
    bad = [
        (UC_EVA, b"{status"),
        (UC_EVA, b'{"status":"busy","x":"' + b"x" * 3_000 + b'"}'),
        (UC_EVA, b'{"status":"busy","reason":"' + b"x" * 300 + b'"}'),
        (f"{PREFIX}/presence/{EVA}/crystal_ball", b'{"status":"busy"}'),
        (TOPICS.escalate(EVA), b"[]"),
    ]
    async with company.client(EVA) as eva:
        for topic, payload in bad:
            await eva.publish(topic, payload, qos=1)
        await company.until_refused(len(bad))
        await eva.publish(UC_EVA, b'{"status":"away"}', qos=1, retain=True)
        await company.until_shown(EVA, AWAY)
    assert set(company.service.refusals.counts) == {
        RefusalCause.MALFORMED_JSON,
        RefusalCause.TOO_LARGE,
        RefusalCause.REASON_TOO_LONG,
        RefusalCause.UNKNOWN_SOURCE,
    }
    assert company.commands == []


async def test_a_person_can_speak_for_nobody_else(company: Company) -> None:
    """The broker's access rules: what Eva writes for Ivan never arrives."""
    async with company.client(EVA) as eva:
        await eva.publish(TOPICS.source(IVAN, Source.UC), b'{"status":"available"}', qos=1, retain=True)
        await eva.publish(TOPICS.escalate(IVAN), b"{}", qos=1)
        await eva.publish(TOPICS.availability(EVA), b'{"state":"free"}', qos=1, retain=True)
        await eva.publish(UC_EVA, b'{"status":"busy"}', qos=1, retain=True)
        await company.until_shown(EVA, BUSY)  # sent last, so the others would have been here
    assert company.service.availability(IVAN).because == "nothing known"
    assert company.commands == []
    assert company.service.refusals.counts.total() == 0


async def test_command_carries_the_person_who_may_write_there(company: Company) -> None:
    """S04: MQTT as one of the triggers of an escalation."""
    async with company.client(EVA) as eva:
        await eva.publish(TOPICS.escalate(EVA), b'{"skill":"claims"}', qos=1)
        await company.until(lambda: bool(company.commands))
    assert company.commands == [(EVA, {"skill": "claims"})]


async def test_retained_command_rings_nobody(company: Company, tmp_path: Path) -> None:
    """A command left in the broker's memory must not fire at the next start."""
    async with company.client(EVA) as eva:
        await eva.publish(TOPICS.escalate(EVA), b'{"skill":"claims"}', qos=1, retain=True)
        await company.until(lambda: bool(company.commands))
    await company.service.stop()
    async with open_company(tmp_path / "broker") as again:
        assert again.service.connected  # everything retained has been read by now
        assert again.commands == []


async def test_case_reaches_its_person_only_and_expires(company: Company) -> None:
    """DC-04, design section 5: QoS 1, not retained, 60 s; the screen's acknowledgement comes back."""
    async with company.client(EVA) as eva, company.client(IVAN) as ivan:
        await eva.subscribe(f"{PREFIX}/case/+", qos=1)
        await ivan.subscribe(f"{PREFIX}/case/+", qos=1)
        company.service.push_case(IVAN, {"escalation": "esc_1", "pii_name": "Žofie"})
        company.service.push_case(EVA, {"escalation": "esc_2"})
        for_ivan, for_eva = await first_message(ivan), await first_message(eva)
        await ivan.publish(TOPICS.rendered(IVAN), b'{"escalation":"esc_1"}', qos=1)
        await company.until(lambda: bool(company.rendered))
    assert json.loads(_payload(for_ivan.payload)) == {"escalation": "esc_1", "pii_name": "Žofie"}
    assert json.loads(_payload(for_eva.payload)) == {"escalation": "esc_2"}
    assert not for_ivan.retain
    assert for_ivan.properties is not None
    assert 0 < vars(for_ivan.properties)["MessageExpiryInterval"] <= 60
    assert company.rendered == [(IVAN, {"escalation": "esc_1"})]


async def test_availability_is_published_retained(company: Company) -> None:
    """Design section 5: a reader who comes late gets the state at once."""
    company.service.choose(EVA, Status.AWAY, reason="lunch")
    await company.until_shown(EVA, AWAY)
    async with company.client(IVAN) as ivan:
        await ivan.subscribe(TOPICS.availability(EVA), qos=1)
        while True:
            message = await first_message(ivan)
            document = json.loads(_payload(message.payload))
            if document["state"] == "away":
                break
    assert document["because"] == "own choice: lunch"
    assert document["sources"][0]["source"] == "manual"


async def test_node_says_that_it_is_there(company: Company) -> None:
    """Readers of availability can tell a living node from a dead one."""
    async with company.client(IVAN) as ivan:
        await ivan.subscribe(TOPICS.node("node"), qos=1)
        message = await first_message(ivan)
    assert message.retain
    assert json.loads(_payload(message.payload))["status"] == "online"


async def test_retained_state_is_picked_up_at_the_next_start(company: Company, tmp_path: Path) -> None:
    """A node restarts: choices, statuses and accounts are there again."""
    async with company.client(IVAN) as ivan:
        await ivan.publish(TOPICS.source(IVAN, Source.UC), b'{"status":"available"}', qos=1, retain=True)
        await company.until_shown(IVAN, FREE)
    company.service.choose(EVA, Status.DND, until=datetime.now(UTC) + timedelta(hours=1), reason="exam")
    await company.until_shown(EVA, BUSY)
    await company.service.stop()
    async with open_company(tmp_path / "broker") as again:
        assert (await again.until_shown(EVA, BUSY)).because == "own choice: exam"
        await again.until_shown(IVAN, UNKNOWN, "from memory, not confirmed yet")
        async with again.client(IVAN) as ivan:
            await ivan.publish(TOPICS.source(IVAN, Source.UC), b'{"status":"available"}', qos=1, retain=True)
            await again.until_shown(IVAN, FREE)
        assert again.service.broker is not None
        assert again.service.broker.accounts() == set(PASSWORDS)
        again.service.choose(EVA, None)
        await again.until_shown(EVA, UNKNOWN)


async def test_choice_ends_by_itself(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """A choice has an until; nobody has to take it back. It counts from its arrival here, however late that is."""
    clock = SetClock(datetime.now(UTC))
    monkeypatch.setattr("presence.runner.datetime", clock)
    async with company.client(EVA) as eva:
        await eva.publish(UC_EVA, b'{"status":"available"}', qos=1, retain=True)
        await company.until_shown(EVA, FREE)
    company.service.choose(EVA, Status.AWAY, until=clock.at + timedelta(seconds=0.3))
    await company.until(lambda: company.states_of(EVA)[-2:] == [AWAY, FREE])


async def test_reservation_is_seen_by_everybody_at_once(company: Company) -> None:
    """S06 step 6."""
    company.service.reservation(EVA, "esc_1")
    assert company.service.availability(EVA).because == "being asked for help"
    company.service.reservation(EVA, None)
    assert company.service.availability(EVA).because == "nothing known"


async def test_people_come_and_go_while_running(company: Company) -> None:
    """CE-24: a person enrolled this minute is there this minute, and leaves no trace after leaving."""
    nora = PersonId("nora")
    company.service.watch(nora)
    await company.service.add_account(nora, "nora-secret")
    company.service.line_state(nora, registered=True)
    async with company.client(nora, "nora-secret") as client:
        await client.publish(TOPICS.source(nora, Source.UC), b'{"status":"available"}', qos=1)
        await company.until_shown(nora, FREE)
    assert {one.person for one in company.service.all()} == {EVA, IVAN, nora}
    company.service.forget(nora)
    company.service.line_state(nora, registered=False)
    with pytest.raises(UnknownPerson):
        company.service.availability(nora)


async def test_case_that_no_packet_can_carry_is_refused(company: Company) -> None:
    with pytest.raises(ContractError) as refused:
        company.service.push_case(EVA, {"text": "x" * 300_000})
    assert refused.value.cause is RefusalCause.TOO_LARGE


async def test_failing_listener_stops_presence_for_nobody(tmp_path: Path) -> None:
    """A bug in one screen's code is logged; the next change is told all the same."""
    heard: list[str] = []

    def listener(availability: object) -> None:
        heard.append(str(availability))
        raise RuntimeError("a bug")

    service = PresenceService(
        PresenceSettings(tmp_path), on_change=listener, on_command=_ignore, on_rendered=_ignore, people=()
    )
    service.watch(EVA)
    service.line_state(EVA, in_call=True)
    service.line_state(EVA, in_call=False)
    assert len(heard) == 3


async def test_listener_may_call_the_service(tmp_path: Path) -> None:
    """One queue, one consumer: changes made inside a callback come after the present one."""
    seen: list[str] = []

    def listener(availability: object) -> None:
        seen.append(service.availability(EVA).because)
        if len(seen) == 1:
            service.line_state(EVA, in_call=True)

    service = PresenceService(
        PresenceSettings(tmp_path), on_change=listener, on_command=_ignore, on_rendered=_ignore, people=()
    )
    service.watch(EVA)
    assert seen[0].startswith("presence broker unreachable")
    assert seen[1].startswith("in a call since")


async def test_service_at_a_configured_broker_makes_no_accounts_and_waits_for_it(tmp_path: Path) -> None:
    """With a broker of one's own nothing is started; while it is away everybody is unknown."""
    settings = PresenceSettings(tmp_path / "unused", host="127.0.0.1", port=1, prefix=PREFIX)
    service = PresenceService(settings, on_change=_drop, on_command=_ignore, on_rendered=_ignore, people=(EVA,))
    await service.start()
    try:
        assert service.broker is None
        assert not service.connected
        assert service.availability(EVA).because.startswith("presence broker unreachable since")
        with pytest.raises(AccountRefused):
            await service.add_account(EVA, "secret")
    finally:
        await service.stop()
    assert not (tmp_path / "unused").exists()


def _payload(payload: object) -> bytes:
    assert isinstance(payload, bytes)
    return payload


def _ignore(person: PersonId, payload: dict[str, object]) -> None:
    raise AssertionError("nobody sent anything")


def _drop(availability: object) -> None:
    return
