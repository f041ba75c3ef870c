"""Webhooks over real HTTP and a real store: what happens in the centre arrives, signed, once and in order."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response

from center.delivery.model import Rules
from center.delivery.runner import DeliveryRunner
from center.escalation.model import Choice
from center.neighbours import CRM_WARNINGS
from center.webhook.outgoing import WebhookEvents
from center.webhook.sender import Sender
from desk.server import DeskServer
from store.records import StoredDelivery
from store.store import Store
from tests.center.stage import ANNA, Stage, a_stage

pytestmark = pytest.mark.loopback

SECRET = "a secret of the company and its CRM"
EVENTS = frozenset({"interaction.closed", "case.changed", "promise.made", "promise.kept"})
PATIENCE_S = 40.0
"""Longer than a lease on a message."""
QUICK = Rules(first_retry_s=0.02, last_retry_s=0.05, lease_s=30.0)


@dataclass
class Crm:
    """Another system: takes messages, or does not, and remembers every one that came."""

    url: str = ""
    status: int = 204
    came: list[dict[str, Any]] = field(default_factory=list)
    refused: int = 0
    by_whom: list[str] = field(default_factory=list)

    def app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)

        @app.post("/hook")
        async def hook(request: Request) -> Response:
            body = await request.body()
            key, stamp = request.headers["webhook-id"], request.headers["webhook-timestamp"]
            signed = hmac.new(SECRET.encode(), f"{key}.{stamp}.".encode() + body, hashlib.sha256).digest()
            assert request.headers["webhook-signature"] == "v1," + base64.b64encode(signed).decode()
            assert request.headers["idempotency-key"] == key
            if self.status >= 300:
                self.refused += 1
            else:
                self.came.append(json.loads(body))
            return Response(status_code=self.status)

        return app

    def ids(self) -> list[str]:
        return [message["id"] for message in self.came]


@pytest.fixture
async def crm() -> AsyncIterator[Crm]:
    made = Crm()
    server = DeskServer(made.app(), "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{await server.start()}/hook"
    yield made
    await server.stop()


async def until(happened: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not happened():  # noqa: ASYNC110  # what the other system got is no event of ours
            await asyncio.sleep(0.01)


@asynccontextmanager
async def sending(store: Store, crm: Crm, node: str = "a", rules: Rules = QUICK) -> AsyncIterator[DeliveryRunner]:
    runner = DeliveryRunner(store.webhooks, Sender(crm.url, SECRET, PATIENCE_S), node, rules, CRM_WARNINGS, poll_s=0.02)
    runner.start()
    try:
        yield runner
    finally:
        await runner.stop()


@asynccontextmanager
async def a_store(folder: Path) -> AsyncIterator[Store]:
    store = await Store.open(f"sqlite:///{folder}/ringside.db", journal_dir=folder / "journal")
    try:
        yield store
    finally:
        await store.close()


def message(number: int, case: str) -> StoredDelivery:
    body = json.dumps({"type": "case.changed", "id": f"m{number}", "case": case})
    return StoredDelivery(f"m{number}", case, number, "case.changed", body, made_at=0.0, due_at=0.0)


async def test_two_nodes_send_each_message_once_and_in_order_through_outage_and_restart(
    tmp_path: Path, crm: Crm
) -> None:
    """No two nodes send one message; what waits outlives them."""
    async with a_store(tmp_path) as store:
        rules = Rules(first_retry_s=0.02, last_retry_s=0.05, lease_s=30.0, give_up_s=1e12)
        crm.status = 503
        async with sending(store, crm, "a", rules), sending(store, crm, "b", rules) as other:
            for number in range(30):
                await store.webhooks.put(message(number, f"case_{number % 4}"))
            await until(lambda: crm.refused > 3 and other.sending.failures > 2)
            assert "does not take messages" in other.warnings[0][1]
        assert crm.came == []
    async with a_store(tmp_path) as store:
        crm.status = 200
        async with sending(store, crm, "c", rules), sending(store, crm, "d", rules):
            await until(lambda: len(crm.came) == 30)
            await until_counts(store, (0, 0))
        assert sorted(crm.ids(), key=lambda key: int(key[1:])) == [f"m{number}" for number in range(30)]
        for case in range(4):
            of_case = [each["id"] for each in crm.came if each["case"] == f"case_{case}"]
            assert of_case == [f"m{number}" for number in range(case, 30, 4)]


async def until_counts(store: Store, counts: tuple[int, int]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await store.webhooks.counts() != counts:  # noqa: ASYNC110  # written by somebody else
            await asyncio.sleep(0.01)


async def test_a_message_nobody_takes_is_given_up_and_supervisors_are_told(stage: Stage, crm: Crm) -> None:
    crm.status, store = 410, stage.store
    async with sending(store, crm) as runner:
        await store.webhooks.put(message(1, "case_1"))  # made long before the limit
        await until(lambda: runner.dead)
        assert runner.warnings == [("crm_given_up", "CRM: 1 messages were not taken for days and were given up.")]
        stage.center.warn_of(lambda: runner.warnings)
        health = await stage.center.commands.health()
        assert health["degraded"] == ["CRM: 1 messages were not taken for days and were given up."]
        stage.center.system_changed()
        assert stage.docs(ANNA)["system"]["warnings"][0]["code"] == "crm_given_up"
        await until_counts(store, (0, 1))
        async with sending(store, crm, "after a restart") as again:
            await until(lambda: again.dead)


async def test_personal_data_goes_to_the_one_address_only(tmp_path: Path, crm: Crm) -> None:
    """A redirect is an answer that was not taken, not another address."""
    crm.status = 307
    async with a_store(tmp_path) as store, sending(store, crm):
        await store.webhooks.put(message(1, "case_1"))
        await until_counts(store, (0, 1))
    assert crm.came == []


@asynccontextmanager
async def telling(stage: Stage, crm: Crm) -> AsyncIterator[WebhookEvents]:
    """A centre whose happenings go to the CRM."""
    rules = Rules(first_retry_s=0.02, last_retry_s=0.05)
    async with sending(stage.store, crm, rules=rules) as runner:
        events = WebhookEvents(stage.store.webhooks, EVENTS, runner.wake, quiet_s=0.01)
        events.start()
        stage.center._outgoing = events
        stage.center._promises._outgoing = events
        yield events
        await events.stop()


async def test_a_call_tells_its_case_as_it_grows_and_its_end_last(stage: Stage, crm: Crm) -> None:
    async with telling(stage, crm):
        interaction = await stage.talking()
        case = stage.case_of(interaction)
        version = stage.center.engine.works[interaction].case.version
        for text in ("P", "P-1", "P-17"):
            version = (await stage.center.commands.edit_case(ANNA, case, "policy_number", text, version))["version"]
        await until(lambda: any(each["data"]["case"]["version"] == version for each in crm.came))
        await stage.center.commands.edit_case(ANNA, case, "incident_place", "Split", version)
        await stage.center.commands.close(ANNA, interaction, "Settled", True, "")
        await stage.center.commands.finish_wrap_up(ANNA, "settled", "")
        await until(lambda: crm.ids() and crm.ids()[-1] == f"interaction.closed/{interaction}")
    told = crm.came[-1]["data"]
    assert (told["outcome"], told["resolved"], told["disposition"]) == ("Settled", True, "settled")
    assert (told["customer"]["name"], told["people"]) == ("Ana Kovač", [ANNA])
    assert crm.ids()[-2] == f"case.changed/{case}/{version + 1}", "the last edit came before the end"
    changes = [each["data"]["case"]["version"] for each in crm.came[:-1]]
    assert changes == sorted(set(changes)), "each once, in order"
    fields = {each["key"]: each["values"] for each in crm.came[-2]["data"]["case"]["fields"]}
    assert fields["policy_number"][-1]["text"] == "P-17"


async def test_a_promise_is_told_when_it_is_made_and_when_it_is_kept(tmp_path: Path, crm: Crm) -> None:
    async with a_stage(tmp_path) as stage, telling(stage, crm):
        interaction = await stage.talking()
        asked = await stage.center.commands.escalate(ANNA, interaction, None, "late", "fraud")
        await stage.until(lambda: stage.escalation(asked["id"])["state"] in ("choosing", "waiting"))
        await stage.center.commands.choose(ANNA, asked["id"], Choice.TASK)
        await until(lambda: any(each["type"] == "promise.made" for each in crm.came))
        made = next(each["data"] for each in crm.came if each["type"] == "promise.made")
        assert (made["kind"], made["interaction"], made["kept_at"]) == ("task", interaction, None)
        owner, task = made["owner"], made["task"]
        await stage.center.commands.accept_task(owner, task)
        await stage.center.commands.finish_task(owner, task, "paid", True)
        await until(lambda: f"promise.kept/{task}" in crm.ids())
        kept = next(each["data"] for each in crm.came if each["type"] == "promise.kept")
        assert (kept["outcome"], kept["resolved"], kept["in_time"]) == ("paid", True, True)
        assert crm.ids().count(f"promise.made/{task}") == 1
