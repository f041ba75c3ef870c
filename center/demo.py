"""First start: make the demo company with fresh passwords, for the desk, the phones and the presence clients."""

from __future__ import annotations

from center.directory import ha1_pair
from center.lab.company import make_lab_company
from center.settings import Settings
from desk.logins import hash_password
from presence.adapters.mosquitto import MosquittoBroker
from store.demo import seed_demo_company
from store.records import GeneratedLogin
from store.store import Store

NODE_ACCOUNT = "ringside-node"
"""The node's own account at its private broker."""


def private_broker(settings: Settings) -> MosquittoBroker:
    """The private broker as the node runs it; also used before it runs, to add accounts."""
    presence = settings.presence
    return MosquittoBroker(
        settings.state_dir / "mosquitto",
        prefix=presence.prefix,
        node_account=NODE_ACCOUNT,
        host=presence.private_address,
        port=presence.private_port,
    )


async def make_company(store: Store, settings: Settings) -> list[GeneratedLogin]:
    """Fill an empty store with the company of this node: the lab's phones, or the demo company."""
    return await (make_lab_company if settings.lab.enabled else make_demo_company)(store, settings)


async def make_demo_company(store: Store, settings: Settings) -> list[GeneratedLogin]:
    """Fill an empty store; returns the new log-ins, which are nowhere else in clear. Empty: there was a company."""
    logins = await seed_demo_company(store, hash_password=hash_password, make_ha1=ha1_pair, realm=settings.sip.realm)
    if logins and settings.presence.host is None:
        broker = private_broker(settings)
        (settings.state_dir / "mosquitto").mkdir(mode=0o700, exist_ok=True)
        for login in logins:
            await broker.add_account(login.person, login.phone_password)
    return logins
