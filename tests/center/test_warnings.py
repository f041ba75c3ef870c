"""What works less well is told with a code, so that every screen can say it in its person's language."""

from __future__ import annotations

from tests.center.stage import ANNA, Stage


async def test_a_lost_broker_is_a_code_and_a_sentence_and_goes_again(stage: Stage) -> None:
    """`degraded` stays for programs; `warnings` has the same with codes; so for other parts of the node."""
    stage.presence.lose_broker()
    stage.center.warn_of(lambda: [("crm_silent", "The CRM takes nothing.")])
    stage.center.system_changed()
    system = stage.docs(ANNA)["system"]
    assert [one["code"] for one in system["warnings"]] == ["presence_broker", "crm_silent"]
    assert [one["text"] for one in system["warnings"]] == system["degraded"]
    stage.presence.find_broker()
    stage.center.warn_of(list)
    stage.center.system_changed()
    assert stage.docs(ANNA)["system"]["warnings"] == []
