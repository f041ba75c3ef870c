"""What was promised is also sent as text, until the carrier takes it (S03 step 2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from center.delivery.model import Rules
from center.delivery.runner import DeliveryRunner
from center.escalation.model import Choice
from center.texts import RULES, WARNINGS, Text, TextSender
from telephony.admission import Trunk
from telephony.model import MOST_TEXT_BYTES, CallerIdentity, Destination, TextMessage
from tests.center.stage import ANA_K, ANNA, Stage, a_stage
from vocabulary import EscalationId, InteractionId, TaskId

QUICK = replace(RULES, first_retry_s=0.02, last_retry_s=0.02)
COMPANY = "Harbour Insurance"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with a_stage(tmp_path, texts=True) as stage:
        stage.directory.trunks = (Trunk("carrier", ("127.0.0.1",), "sip:carrier.example"),)
        yield stage


@asynccontextmanager
async def sending(stage: Stage, rules: Rules = QUICK) -> AsyncIterator[DeliveryRunner]:
    sender = TextSender(stage.switch, stage.store.events, COMPANY)
    runner = DeliveryRunner(stage.store.texts, sender, "a", rules, WARNINGS, poll_s=0.02)
    runner.start()
    try:
        yield runner
    finally:
        await runner.stop()


async def until(happened: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not happened():  # noqa: ASYNC110  # what another part stores is no event of ours
            await asyncio.sleep(0.01)


def text(about: str, words: str = "Eva will call you back.", number: str = ANA_K) -> Text:
    return Text(TaskId("task_1"), InteractionId("int_1"), about, "carrier", number, "5001", words)


async def test_a_promise_is_sent_as_text_from_the_number_the_customer_called(stage: Stage) -> None:
    """S03 step 2: what is read to the customer is also sent; what the carrier does not take at first is tried again."""
    stage.switch.text_statuses.extend([503, 404])
    async with sending(stage):
        interaction = await stage.talking()
        asked = await stage.center.commands.escalate(ANNA, interaction, None, "Beyond me.", "claims")
        await stage.until(lambda: stage.escalation(EscalationId(asked["id"])).get("phase") == "choosing")
        await stage.center.commands.choose(ANNA, EscalationId(asked["id"]), Choice.CALLBACK)
        await until(lambda: stage.switch.texts)
        (sent,) = stage.switch.texts
        assert sent.to == Destination(number=ANA_K, trunk=sent.to.trunk)
        assert sent.shown == CallerIdentity(COMPANY, "5001")
        assert sent.text.startswith("Eva Horvat will call you back by ")
    assert await stage.store.texts.counts() == (0, 0)
    names = await stage.event_names(interaction)
    assert names.index("message.written") < names.index("message.sent")


async def test_texts_to_one_number_keep_their_order_and_each_goes_once(stage: Stage) -> None:
    stage.switch.text_statuses.extend([500])
    for second, about in enumerate(("promise_made", "half_time")):
        for _ in range(2):  # written twice after a doubtful failure of the store
            await stage.store.texts.put(text(about, about).delivery(1.0e9 + second))
    async with sending(stage, replace(QUICK, give_up_s=1e12)):
        await until(lambda: len(stage.switch.texts) == 2)
    assert [sent.text for sent in stage.switch.texts] == ["promise_made", "half_time"]


async def test_what_the_carrier_never_takes_is_given_up_and_supervisors_are_told(stage: Stage) -> None:
    """A 6xx is said of one text; it does not hold up those to other customers."""
    stage.switch.text_statuses.append(603)
    await stage.store.texts.put(text("promise_made").delivery(1.0))  # made long before the limit
    async with sending(stage) as runner:
        await until(lambda: runner.dead)
        assert runner.warnings == [
            ("texts_given_up", "Texts: 1 to customers were not taken by the carrier and were given up.")
        ]
        await stage.store.texts.put(text("half_time", number="+385912222").delivery(2.0))
        await until(lambda: stage.switch.texts)
    assert await stage.store.texts.counts() == (0, 1)


async def test_a_text_that_is_too_long_is_cut_at_a_letter(stage: Stage) -> None:
    """RFC 3428 §8 bounds a MESSAGE."""
    await stage.store.texts.put(text("promise_made", "č" * MOST_TEXT_BYTES).delivery(1.0))
    async with sending(stage):
        await until(lambda: stage.switch.texts)
    assert stage.switch.texts[0].text == "č" * (MOST_TEXT_BYTES // 2)
    with pytest.raises(ValueError, match="at most 1000 bytes"):
        TextMessage(Destination(number=ANA_K, trunk="carrier"), CallerIdentity(COMPANY, "5001"), "č" * 501)
