"""User agents that are not ours take part: SIPp as customer over UDP and TCP."""

from __future__ import annotations

from pathlib import Path

import pytest

from telephony.effects import AnswerLeg, RingLeg
from telephony.events import LegArrived, LegEnded, PhoneRequest, SwitchEvent
from telephony.model import CallerIdentity
from tests.telephony.calls import run
from tests.telephony.conftest import CARRIER, SERVICE_NUMBER, Exchange
from vocabulary import EndReason

pytestmark = [pytest.mark.loopback, pytest.mark.native]

SCENARIO = Path(__file__).parent / "sipp" / "customer.xml"
CALLS = 20


@pytest.mark.parametrize(("kind", "transport"), [("u1", "udp"), ("t1", "tcp")])
async def test_sipp_customers_are_rung_answered_and_hang_up(
    exchange: Exchange, tmp_path: Path, kind: str, transport: str
) -> None:
    def serve(event: SwitchEvent | PhoneRequest) -> None:
        if isinstance(event, LegArrived):
            exchange.switch.perform(RingLeg(event.leg))
            exchange.switch.perform(AnswerLeg(event.leg))

    exchange.seen.reaction = serve
    host, port = exchange.address(transport)
    own = ["-i", CARRIER, "-mi", CARRIER, "-t", kind, "-m", str(CALLS), "-r", "20", "-l", str(CALLS)]
    status = await run(tmp_path, "sipp", f"{host}:{port}", "-sf", str(SCENARIO), "-s", SERVICE_NUMBER, *own, "-nostdin")
    exchange.seen.reaction = None
    arrivals = [event for event in exchange.seen.events if isinstance(event, LegArrived)]
    for arrival in arrivals:
        ended = await exchange.seen.first(LegEnded, lambda event, leg=arrival.leg: event.leg == leg)  # type: ignore[misc]
        assert ended.end == EndReason.success("hung_up")
    assert (status, len(arrivals)) == (0, CALLS)
    assert arrivals[0].caller == CallerIdentity("Ana K.", "+385915550101")
