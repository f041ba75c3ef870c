"""Phone registrations over a restart, on several nodes that share a store (S05)."""

from __future__ import annotations

import time
from pathlib import Path

from center.bindings import BindingKeeper
from store.store import Store
from telephony.headers import Flow
from telephony.registrar import Binding
from vocabulary import PersonId

EVA = PersonId("eva")


def registered(contact: str, life_s: float = 3_600.0) -> Binding:
    return Binding(
        person=EVA,
        contact=contact,
        flow=Flow("udp", "192.0.2.9", 5062),
        expires_at=float(round(time.time() + life_s)),
        sip_call_id="a84b4c76e66710",
        cseq=1,
        user_agent="Phone/1.0",
        instance="",
    )


async def test_a_node_that_restarts_takes_up_its_own_phones_and_not_those_of_others(tmp_path: Path) -> None:
    """A phone registers at each node it shall be rung from; nobody inherits the phones of a node that died."""
    store = await Store.open(f"sqlite:///{tmp_path}/ringside.db", journal_dir=tmp_path)
    try:
        here, there = registered("sip:eva@192.0.2.9:5062"), registered("sip:eva@192.0.2.10:5060")
        for name, binding in (("n1", here), ("n2", there)):
            keeper = BindingKeeper(store.bindings, name)
            keeper.save(EVA, (binding, registered("sip:old@192.0.2.9", life_s=-60.0)))
            await keeper.flush()
        assert await BindingKeeper(store.bindings, "n1").saved() == [here]
        assert await BindingKeeper(store.bindings, "n2").saved() == [there]
        assert await BindingKeeper(store.bindings, "n3").saved() == []
    finally:
        await store.close()
