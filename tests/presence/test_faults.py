"""The fault matrix on a real Mosquitto: whatever breaks, nobody is shown free who is not (N6, S06).

docs/presence.md lists these tests and those of test_service.py and test_probing.py as one table.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiomqtt
import pytest

from presence.budget import InterruptionRules
from presence.contract import Topics
from presence.errors import RefusalCause
from presence.mapping_file import load_mapping
from presence.model import AvailabilityState, Kind, Source, Status
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
TEAMS = load_mapping("teams-for-linux")
AVAILABLE = b'{"status":"available"}'


async def say(client: aiomqtt.Client, payload: bytes, topic: str = UC_EVA, *, retain: bool = True) -> None:
    await client.publish(topic, payload, qos=1, retain=retain)


async def kill_broker(company: Company) -> None:
    broker = company.service.broker
    assert broker is not None
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGKILL)
    await company.until(lambda: not company.service.connected)


async def test_last_will_is_lost_with_the_broker(company: Company, tmp_path: Path) -> None:
    """Client and broker die together: the broker's memory still says connected and available, and is not believed."""
    process = await company.uc_process(EVA)
    await company.until_shown(EVA, FREE)
    assert company.service.broker is not None
    company.service.broker.save()
    database = tmp_path / "broker" / "mosquitto.db"
    await until(lambda: database.exists() and database.read_bytes().count(b"presence/eva/uc") > 0)
    broker = company.service.broker
    assert broker is not None
    assert broker.pid is not None
    process.kill()
    os.kill(broker.pid, signal.SIGKILL)
    await process.wait()
    await company.until(lambda: not company.service.connected)
    shown = len(company.changes)
    await company.until(lambda: company.service.connected)
    await company.until_shown(EVA, UNKNOWN, "from memory, not confirmed yet")
    assert FREE not in {one.state for one in company.changes[shown:] if one.person == EVA}


async def test_ghost_available_is_never_free(company: Company, tmp_path: Path) -> None:
    """A retained "available" that nobody is behind, met at the start of the node."""
    async with company.client(EVA) as eva:
        await say(eva, AVAILABLE, TOPICS.source(EVA, Source.CONNECTED))
        await say(eva, AVAILABLE)
        await company.until_shown(EVA, FREE)
    await company.service.stop()
    async with open_company(tmp_path / "broker") as again:
        assert again.service.connected
        assert again.service.availability(EVA).because == "UC status: available, from memory, not confirmed yet"
        assert FREE not in {one.state for one in again.changes}


async def test_broker_restart_is_no_storm(company: Company) -> None:
    """S06 step 3: everybody unknown at once, right again, and a reader gets a handful of messages about each."""
    people = [PersonId(f"p{number}") for number in range(300)]
    for person in people:
        company.service.watch(person)
        company.service.line_state(person, registered=True)
    async with reconnecting_client(company, EVA):
        await company.until_shown(EVA, FREE)
        await kill_broker(company)
        assert {company.service.availability(person).kind for person in (EVA, *people)} == {Kind.NO_BROKER}
        await company.until(lambda: company.service.connected)
        async with company.client(IVAN) as reader:
            await reader.subscribe(f"{PREFIX}/availability/#", qos=1)
            counts: dict[str, int] = {}
            async with asyncio.timeout(20.0):
                async for message in reader.messages:
                    counts[message.topic.value] = counts.get(message.topic.value, 0) + 1
                    if len(counts) >= len(people) + 2:
                        break
        await company.until_shown(EVA, FREE)
    assert max(counts.values()) <= 4


async def test_connected_but_silent_client_is_unknown(company: Company) -> None:
    """S06 step 4."""
    async with company.client(EVA) as eva:
        await say(eva, AVAILABLE, TOPICS.source(EVA, Source.CONNECTED))
        await company.until_shown(EVA, UNKNOWN, "client connected, no status yet")


async def test_client_that_falls_silent_turns_unknown(tmp_path: Path) -> None:
    """No last will, no refresh: the age limit decides."""
    async with open_company(tmp_path / "broker", uc_age_s=0.5) as company:
        await add_accounts(company)
        async with company.client(EVA) as eva:
            await say(eva, AVAILABLE)
            await company.until(lambda: FREE in company.states_of(EVA))
            await company.until_shown(EVA, UNKNOWN, "no sign of life")


async def test_unregistered_phone_is_not_free(company: Company) -> None:
    async with reconnecting_client(company, EVA):
        await company.until_shown(EVA, FREE)
        company.service.line_state(EVA, registered=False)
        assert company.service.availability(EVA).because == "phone not registered"


async def test_do_not_disturb_on_the_phone_only_is_busy(company: Company) -> None:
    """The UC client says available; the desk phone knows better."""
    async with reconnecting_client(company, EVA):
        await company.until_shown(EVA, FREE)
        company.service.report(EVA, Source.PHONE, Status.DND, client="publish", ttl_s=60.0)
        assert company.service.availability(EVA).because == "phone: do not disturb"
        company.service.report(EVA, Source.PHONE, None, client="publish")
        assert company.service.availability(EVA).state is FREE


async def test_publication_that_is_not_refreshed_ends(company: Company) -> None:
    """RFC 3903: soft state runs out by itself."""
    company.service.report(EVA, Source.UC, Status.AVAILABLE, client="publish", ttl_s=0.3)
    assert company.states_of(EVA)[-1] is FREE
    await company.until_shown(EVA, UNKNOWN, "status ran out")


async def test_of_two_clients_the_busy_one_decides(company: Company) -> None:
    async with company.client(EVA) as laptop, company.client(EVA) as mobile:
        await say(laptop, AVAILABLE, TOPICS.source(EVA, Source.UC, "laptop"))
        await company.until_shown(EVA, FREE)
        await say(mobile, b'{"status":"busy"}', TOPICS.source(EVA, Source.UC, "mobile"))
        await company.until_shown(EVA, BUSY)
        await say(laptop, AVAILABLE, TOPICS.source(EVA, Source.UC, "laptop"))
        await say(mobile, b'{"status":"unknown"}', TOPICS.source(EVA, Source.UC, "mobile"))
        await company.until_shown(EVA, UNKNOWN, "another client is silent")
        await say(mobile, b'{"status":"offline"}', TOPICS.source(EVA, Source.CONNECTED, "mobile"))
        await company.until_shown(EVA, FREE)


async def test_old_and_replayed_messages_change_nothing(company: Company) -> None:
    """Out of order: the sequence number decides."""
    async with company.client(EVA) as eva:
        await say(eva, b'{"status":"available","seq":6}')
        await company.until_shown(EVA, FREE)
        await say(eva, b'{"status":"busy","seq":7}')
        await company.until_shown(EVA, BUSY)
        await say(eva, b'{"status":"available","seq":6}')
        await say(eva, b'{"status":"available","seq":5}')
        await say(eva, b'{"status":"away","seq":8}')
        await company.until_shown(EVA, AWAY)
    assert FREE not in {one.state for one in company.changes[-2:]}


async def test_replay_after_the_last_will_changes_nothing(company: Company) -> None:
    async with company.client(EVA) as eva:
        connected = TOPICS.source(EVA, Source.CONNECTED)
        await say(eva, AVAILABLE, connected)
        await say(eva, b'{"status":"available","seq":3}')
        await company.until_shown(EVA, FREE)
        await say(eva, b'{"status":"offline"}', connected)
        await company.until_shown(EVA, UNKNOWN, "disconnected")
        await say(eva, AVAILABLE, connected)
        await say(eva, b'{"status":"available","seq":3}')
        await company.until_shown(EVA, UNKNOWN, "no status yet")
        await say(eva, b'{"status":"available","seq":4}')
        await company.until_shown(EVA, FREE)


async def test_duplicates_are_told_once(company: Company) -> None:
    async with company.client(EVA) as eva:
        for _ in range(50):
            await say(eva, b'{"status":"available","seq":1}')
        await say(eva, b'{"status":"busy","seq":2}')
        await company.until_shown(EVA, BUSY)
    assert [one.state for one in company.changes if one.person == EVA].count(FREE) == 1


@pytest.mark.parametrize("minutes", [-10, 10])
async def test_clock_ten_minutes_off_keeps_the_order(company: Company, minutes: int) -> None:
    """S06 step 4: arrival and sequence decide, never the sender's clock."""
    wrong = datetime.now(UTC) + timedelta(minutes=minutes)
    async with company.client(EVA) as eva:
        for seq, (status, shift) in enumerate([("busy", 5), ("available", -5), ("away", 0)], 1):
            since = (wrong + timedelta(minutes=shift)).isoformat()
            fields = {"status": status, "since": since, "sent_at": wrong.isoformat(), "seq": seq}
            await say(eva, json.dumps(fields).encode())
        shown = await company.until_shown(EVA, AWAY)
    assert abs((datetime.now(UTC) - shown.since).total_seconds()) < 60
    assert [one.state for one in company.changes if one.person == EVA][-3:] == [BUSY, FREE, AWAY]


@pytest.mark.parametrize(
    ("payload", "cause"),
    [
        (b"{status", RefusalCause.MALFORMED_JSON),
        (b'{"status":"busy","x":"' + b"x" * 3_000 + b'"}', RefusalCause.TOO_LARGE),
        (b'{"status":7}', RefusalCause.UNKNOWN_STATUS),
        (b'{"status":"busy","since":["now"]}', RefusalCause.BAD_FIELD),
        (b"\xff\xfe\x00", RefusalCause.MALFORMED_JSON),
    ],
    ids=["malformed", "oversized", "wrong type", "wrong type of time", "not text"],
)
async def test_available_followed_by_garbage_is_in_doubt(company: Company, payload: bytes, cause: RefusalCause) -> None:
    """Something changed, we do not know what: not free any more, until the client says it well."""
    async with company.client(EVA) as eva:
        await say(eva, AVAILABLE)
        await company.until_shown(EVA, FREE)
        await say(eva, payload)
        await company.until_shown(EVA, UNKNOWN, "unreadable message")
        await say(eva, AVAILABLE)
        await company.until_shown(EVA, FREE)
    assert company.service.refusals.counts == {cause: 1}


async def test_packet_beyond_the_brokers_limit_ends_its_sender_only(company: Company) -> None:
    async with reconnecting_client(company, IVAN):
        await company.until_shown(IVAN, FREE)
        with suppress(aiomqtt.MqttError):
            async with company.client(EVA) as eva:
                await eva.publish(UC_EVA, b"x" * 300_000, qos=0)
                await first_message(eva)
        assert company.service.availability(IVAN).state is FREE
        assert company.service.connected


async def test_empty_retained_payload_takes_the_word_back(company: Company) -> None:
    async with company.client(EVA) as eva:
        await say(eva, AVAILABLE)
        await company.until_shown(EVA, FREE)
        await say(eva, b"")
        await company.until_shown(EVA, UNKNOWN, "nothing known")


async def test_call_and_microphone_beat_available(company: Company) -> None:
    """The status was forgotten at "available"; the call is not."""
    async with company.client(EVA) as eva:
        await say(eva, AVAILABLE)
        await company.until_shown(EVA, FREE)
        await say(eva, b'{"status":"busy"}', TOPICS.source(EVA, Source.IN_CALL))
        await company.until_shown(EVA, BUSY, "in a UC call since")
        await say(eva, b'{"status":"available"}', TOPICS.source(EVA, Source.IN_CALL))
        await say(eva, b'{"status":"busy"}', TOPICS.source(EVA, Source.MICROPHONE))
        await company.until_shown(EVA, UNKNOWN, "no call is reported")


async def test_unknown_prefix_and_topic_reach_nobody(company: Company) -> None:
    """The access rules drop them at the broker, or the door refuses them."""
    async with company.client(EVA) as eva:
        await say(eva, AVAILABLE, Topics("other/v1").source(EVA, Source.UC))
        await say(eva, AVAILABLE, "teams/eva/status")
        await say(eva, AVAILABLE, f"{PREFIX}/presence/{EVA}/crystal_ball")
        await company.until_refused(1)
    assert company.service.refusals.counts == {RefusalCause.UNKNOWN_SOURCE: 1}
    assert company.service.availability(EVA).because == "nothing known"


async def test_flood_of_one_client_leaves_the_others_alone(company: Company) -> None:
    """2,000 messages as fast as they go: the last one counts, the next person's change comes through."""
    async with company.client(EVA) as eva, company.client(IVAN) as ivan:
        for number in range(2_000):
            status = b"busy" if number % 2 else b"available"
            await eva.publish(UC_EVA, b'{"status":"' + status + b'"}', qos=0)
        await say(eva, b'{"status":"away"}')
        await say(ivan, AVAILABLE, TOPICS.source(IVAN, Source.UC))
        await company.until_shown(IVAN, FREE)
        await company.until_shown(EVA, AWAY)


async def test_slow_broker_makes_nobody_free(company: Company) -> None:
    """A stopped broker answers nothing: what is known stays true to its age, and goes on when it wakes."""
    broker = company.service.broker
    assert broker is not None
    assert broker.pid is not None
    async with company.client(EVA) as eva:
        await say(eva, b'{"status":"busy"}')
        await company.until_shown(EVA, BUSY)
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            sending = asyncio.create_task(say(eva, AVAILABLE))
            company.service.line_state(EVA, in_call=True)
            assert company.service.availability(EVA).because.startswith("in a call")
            company.service.line_state(EVA, in_call=False)
            assert company.service.availability(EVA).state is BUSY
        finally:
            os.kill(broker.pid, signal.SIGCONT)
        await sending
        await company.until_shown(EVA, FREE)


async def test_second_login_under_the_same_client_name_takes_over(company: Company) -> None:
    """The broker ends the first connection and sends its will; the new one has to say its status."""
    will = aiomqtt.Will(TOPICS.source(EVA, Source.CONNECTED), b'{"status":"offline"}', qos=1, retain=True)

    def client() -> aiomqtt.Client:
        return aiomqtt.Client(
            "127.0.0.1",
            company.port,
            username=EVA,
            password=PASSWORDS[EVA],
            identifier="eva-uc",
            protocol=aiomqtt.ProtocolVersion.V5,
            will=will,
        )

    with suppress(aiomqtt.MqttError):
        async with client() as first:
            await say(first, AVAILABLE, TOPICS.source(EVA, Source.CONNECTED))
            await say(first, AVAILABLE)
            await company.until_shown(EVA, FREE)
            async with client() as second:
                await company.until_shown(EVA, UNKNOWN, "client disconnected")
                await say(second, AVAILABLE, TOPICS.source(EVA, Source.CONNECTED))
                await company.until_shown(EVA, UNKNOWN, "no status yet")
                await say(second, AVAILABLE)
                await company.until_shown(EVA, FREE)


async def test_teams_for_linux_as_it_is(tmp_path: Path) -> None:
    """Design section 5: retained, QoS 0, plain booleans; after a reconnect its old status proves nothing."""
    async with open_company(tmp_path / "broker", mappings=(TEAMS,)) as company:
        await add_accounts(company)
        async with company.client(EVA) as teams:
            await teams.publish("teams/eva/connected", "true", retain=True)
            await teams.publish("teams/eva/status", '{"status":"available","statusCode":1}', retain=True)
            await company.until_shown(EVA, FREE)
            await teams.publish("teams/eva/in-call", "true", retain=True)
            await company.until_shown(EVA, BUSY, "in a UC call since")
            await teams.publish("teams/eva/in-call", "false", retain=True)
            await company.until_shown(EVA, FREE)
            await teams.publish("teams/eva/connected", "false", retain=True)
            await company.until_shown(EVA, UNKNOWN, "client disconnected")
            await teams.publish("teams/eva/connected", "true", retain=True)
            await company.until_shown(EVA, UNKNOWN, "no status yet")
            await teams.publish("teams/eva/status", '{"status":"do_not_disturb","statusCode":3}', retain=True)
            await company.until_shown(EVA, BUSY, "do not disturb")
            await teams.publish("teams/eva/status", '{"status":"presenting","statusCode":9}', retain=True)
            await company.until_shown(EVA, UNKNOWN, "unlisted value")


async def test_nobody_writes_below_somebody_elses_teams_prefix(tmp_path: Path) -> None:
    """The access rules of mapped topics: a person's account, a person's own topics."""
    async with open_company(tmp_path / "broker", mappings=(TEAMS,)) as company:
        await add_accounts(company)
        async with company.client(EVA) as eva:
            await say(eva, b'{"status":"available"}', "teams/ivan/status")
            await say(eva, b'{"status":"busy"}', "teams/eva/status")
            await company.until_shown(EVA, BUSY)
        assert company.service.availability(IVAN).because == "nothing known"


async def test_nobody_reads_other_peoples_pings_or_presence(company: Company) -> None:
    """Sources and pings are for the node and their person; others get the fused availability only."""
    async with company.client(IVAN) as ivan, company.client(EVA) as eva:
        await ivan.subscribe(f"{PREFIX}/presence/#", qos=1)
        await ivan.subscribe(f"{PREFIX}/ping/#", qos=1)
        await ivan.subscribe(TOPICS.availability(EVA), qos=1)
        await say(eva, b'{"status":"busy"}')
        message = await first_message(ivan)
    assert message.topic.value == TOPICS.availability(EVA)


async def test_calendar_meeting_is_shown_and_ends(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S06 step 5: busy by calendar, reachable."""
    end = (datetime.now(UTC) + timedelta(minutes=5)).replace(microsecond=0)
    start, clock = end - timedelta(minutes=30), SetClock(end - timedelta(seconds=0.3))
    monkeypatch.setattr("presence.adapters.calendars.datetime", clock)
    entry = f"DTSTART:{start:%Y%m%dT%H%M%SZ}\r\nDTEND:{end:%Y%m%dT%H%M%SZ}"
    calendar = tmp_path / "eva.ics"
    calendar.write_text(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:1\r\n"
        f"DTSTAMP:20261101T000000Z\r\n{entry}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    async with reconnecting_client(company, EVA):
        await company.until_shown(EVA, FREE)
        company.service.set_calendar(EVA, str(calendar))
        shown = await company.until_shown(EVA, BUSY, "busy by calendar until")
        assert (shown.kind, shown.reachable) == (Kind.BUSY_BY_CALENDAR_REACHABLE, True)
        clock.at = end
        await company.until_shown(EVA, FREE)
        company.service.set_calendar(EVA, str(tmp_path / "lost.ics"))
        await company.until_shown(EVA, UNKNOWN, "calendar cannot be read")
        company.service.set_calendar(EVA, None)
        await company.until_shown(EVA, FREE)


async def test_after_the_limit_a_person_rests(company: Company) -> None:
    """N14, S06 step 8."""
    async with reconnecting_client(company, EVA):
        await company.until_shown(EVA, FREE)
        company.service.set_interruption_rules(EVA, InterruptionRules(per_hour=4))
        for _ in range(4):
            assert company.service.is_resting(EVA) is None
            company.service.note_interruption(EVA, datetime.now(UTC))
        assert company.service.is_resting(EVA) is not None
        shown = await company.until_shown(EVA, BUSY, "resting until")
        assert shown.resting_until is not None
        company.service.set_interruption_rules(EVA, None)
        await company.until_shown(EVA, FREE)
    assert len(company.service.interruptions()[EVA]) == 4


async def add_accounts(company: Company) -> None:
    for person, password in PASSWORDS.items():
        await company.service.add_account(person, password)
