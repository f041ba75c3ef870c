"""One node: everything a `ringside serve` process is, started in order and stopped in reverse.

    store ─► presence (broker) ─► switch ─► centre ─► desk

Each part that cannot start says in words what to mend; what was started before it is stopped again.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from center.administration.recordings import PromptFolder
from center.administration.service import Administration
from center.administration.tunable import usable
from center.bindings import BindingKeeper
from center.browser_phones import make_browser_phones, no_numbers
from center.demo import NODE_ACCOUNT, make_company
from center.directory import CompanyDirectory, PhoneServer
from center.gauges import register_gauges
from center.lab.company import LAB_QUEUE, say_available
from center.lab.model import NUMBERS, PREFIXES
from center.lab.runner import Lab, write_tone
from center.leases import LeaseKeeper
from center.live import LiveDocuments
from center.neighbours import make_oidc, make_phone_book, make_texts, make_webhook
from center.phone_requests import watched_documents
from center.service import ContactCenter
from center.settings import Settings
from center.speech import Speech
from desk.app import create_app
from desk.logins import Logins, hash_password
from desk.server import DeskServer
from desk.settings import DeskSettings
from presence.mapping_file import load_mapping
from presence.model import Availability
from presence.runner import PresenceService
from presence.settings import PresenceSettings
from store.records import GeneratedLogin
from store.store import Store
from telephony.adapters.pjsip import PjsipSwitch
from telephony.adapters.pjsip_watchers import PresenceBodies
from telephony.digest import Algorithm, DigestSettings
from telephony.events import LegEvent, SwitchEvent
from telephony.settings import SHIPPED_PROMPTS, SwitchSettings
from vocabulary import PersonId, new_id

log = structlog.get_logger(__name__)

WATCH_EVERY_S = 1.0
"""How often the node looks whether broker and event log are well; screens show a change."""


@dataclass(frozen=True, slots=True)
class NodeAddresses:
    """Where the running node can be reached; written to `<state dir>/node.json` for programs."""

    web: str
    sip_address: str
    udp: int
    tcp: int
    tls: int
    mqtt_host: str
    mqtt_port: int
    mqtt_prefix: str

    def as_json(self) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "web": self.web,
            "sip": {"address": self.sip_address, "udp": self.udp, "tcp": self.tcp, "tls": self.tls},
            "mqtt": {"host": self.mqtt_host, "port": self.mqtt_port, "prefix": self.mqtt_prefix},
        }


class Node:
    """A running node. `async with Node(settings) as node:` starts and stops it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = self._from_file = settings
        self._parts = AsyncExitStack()
        self._center: ContactCenter | None = None
        self._lab: Lab | None = None
        self._early_events: list[SwitchEvent] = []
        self._bodies: PresenceBodies | None = None
        self._presence_changed: Callable[[PersonId], None] = lambda person: None
        self.new_logins: list[GeneratedLogin] = []
        self.addresses: NodeAddresses

    async def __aenter__(self) -> Node:
        try:
            await self._start()
        except BaseException:
            await self._parts.aclose()
            raise
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._parts.aclose()

    async def _start(self) -> None:
        settings = self._settings
        prepare_state_dir(settings.state_dir)
        store = await open_store(settings)
        self._parts.push_async_callback(store.close)
        self._settings = settings = await with_stored(store, settings)
        self.new_logins = await make_company(store, settings)
        directory = await CompanyDirectory.load(store, settings.sip.realm, settings.sip.outbound_uri)
        if settings.lab.enabled:
            directory.lab_numbers, directory.lab_prefixes = NUMBERS, PREFIXES

        presence = self._make_presence(directory)
        await presence.start()
        if settings.lab.enabled:
            say_available(presence, directory.people)
        for person, location in settings.presence.calendars.items():
            presence.set_calendar(PersonId(person), location)
        self._parts.push_async_callback(presence.stop)

        switch = await self._start_switch(store, directory)
        live = LiveDocuments()
        crm = make_webhook(settings, store)
        if crm is not None:
            crm.start()
            self._parts.push_async_callback(crm.stop)
        phone_book = make_phone_book(settings)
        if phone_book is not None:
            self._parts.push_async_callback(phone_book.close)
        center = ContactCenter(
            store=store,
            switch=switch,
            presence=presence,
            directory=directory,
            live=live,
            timing=settings.escalation.timing(),
            agent_status=await store.directory.agent_status(),
            case_url=lambda escalation: f"{self.addresses.web}/#/escalation/{escalation}",
            company=settings.company,
            speech=Speech(settings.state_dir / "speech"),
            hash_password=hash_password,
            leases=self._make_leases(store),
            promise_rules=settings.promises.rules(),
            hours=settings.promises.calendar(),
            lines_changed=switch.presence_changed,
            outgoing=crm.events if crm else None,
            texts=settings.promises.texts == "sip",
            phone_book=phone_book,
            misses=settings.escalation.misses,
        )
        texts = make_texts(settings, store, switch)
        if texts is not None:
            texts.start()
            self._parts.push_async_callback(texts.stop)
        center.warn_of(lambda: [*(crm.warnings() if crm else ()), *(texts.warnings if texts else ())])
        self._lab = self._open_lab(center, switch, store) if settings.lab.enabled else None
        desk, web_port = await self._start_desk(center, store, switch)
        self.addresses = self._note_addresses(directory, switch, presence, web_port)
        self._connect_passwords(directory, switch, presence, center)
        await center.start()
        self._parts.push_async_callback(center.stop)
        self._parts.push_async_callback(desk.stop)  # pages first: no command reaches a stopping centre
        self._bodies = watched_documents(presence, center.engine, settings.sip.realm)
        self._presence_changed = switch.presence_changed
        presence.set_options_probe(switch.probe)
        self._take_over(center)
        self._watch_health(center)
        self._announce()

    def _open_lab(self, center: ContactCenter, switch: PjsipSwitch, store: Store) -> Lab:
        write_tone(self._settings.state_dir / "speech")
        timing = self._settings.escalation.timing()
        return Lab(switch=switch, engine=center.engine, events=store.events, queue=LAB_QUEUE, timing=timing)

    def _make_leases(self, store: Store) -> LeaseKeeper:
        leases = self._settings.leases
        return LeaseKeeper(store.leases, node=self._name(), nodes=leases.nodes, timing=leases.timing())

    def _name(self) -> str:
        return self._settings.leases.node or own_name(self._settings.state_dir)

    def _make_presence(self, directory: CompanyDirectory) -> PresenceService:
        section = self._settings.presence
        private = section.host is None
        return PresenceService(
            PresenceSettings(
                state_dir=self._settings.state_dir / "mosquitto",
                host=section.host,
                port=section.private_port if private else section.port,
                username=section.username,
                password=section.password.get_secret_value() or None,
                listen_address=section.private_address,
                prefix=section.prefix,
                node=NODE_ACCOUNT if private else self._name(),  # nodes that share a broker are told apart by it
                shared=not private and self._settings.leases.nodes > 1,
                mappings=tuple(load_mapping(name, own_prefix=section.prefix) for name in section.mappings),
                uc_name=section.uc_name,
                zone=datetime.now().astimezone().tzinfo or UTC,
            ),
            on_change=self._availability_changed,
            on_command=lambda person, payload: self._with_center().mqtt_command(person, payload),
            on_rendered=lambda person, payload: self._with_center().mqtt_rendered(person, payload),
            people=tuple(directory.people),
        )

    async def _start_switch(self, store: Store, directory: CompanyDirectory) -> PjsipSwitch:
        section = self._settings.sip
        keeper = BindingKeeper(store.bindings, self._name())
        switch = PjsipSwitch(
            SwitchSettings(
                state_dir=self._settings.state_dir / "sip",
                own_prompts_dir=self._settings.state_dir / "prompts",
                spoken_dir=self._settings.state_dir / "speech",
                domain=section.realm,
                realm=section.realm,
                bind_address=section.address,
                udp_port=section.udp_port,
                tcp_port=section.tcp_port,
                tls_port=section.tls_port,
                rtp_port_first=section.rtp_port,
                max_legs=section.max_legs,
                rtp_timeout_s=section.rtp_timeout_s,
                digest=_digest(section.digest),
            ),
            directory.sip(),
            self._switch_event,
            saved_bindings=await keeper.saved(),
            save_bindings=keeper.save,
            on_request=lambda request: self._with_center().phone_requests.take(request),
            bodies=PresenceBodies(
                lambda person: self._watched().presence(person),
                lambda person, version: self._watched().dialog(person, version),
            ),
        )
        await switch.start()
        self._parts.push_async_callback(keeper.flush)
        self._parts.push_async_callback(switch.stop)
        return switch

    async def _start_desk(self, center: ContactCenter, store: Store, switch: PjsipSwitch) -> tuple[DeskServer, int]:
        web = self._settings.web
        logins = Logins(store.web_sessions, store.directory.password_hash)
        self._parts.callback(logins.close)
        public = web.public_url.rstrip("/") if web.public_url else None
        desk_settings = DeskSettings(
            secure_cookie=bool(public and public.startswith("https://")),
            allowed_origins=frozenset({public}) if public else frozenset(),
        )
        oidc = make_oidc(self._settings, store, public)
        self._in_background(logins.purge_for_ever(), "log-ins-purge")
        phones = make_browser_phones(self._settings.browser_phone, switch, center.engine, center.live)
        if phones is not None:
            self._parts.push_async_callback(phones.stop)
        administration = await self._start_administration(center, store, logins)
        registry = CollectorRegistry()
        carried = phones.numbers if phones is not None else no_numbers
        register_gauges(registry, lambda: {"legs": switch.stats().legs, **carried(), **center.numbers()})
        app = create_app(
            center.commands,
            logins,
            desk_settings,
            registry=registry,
            oidc=oidc,
            phones=phones,
            administration=administration,
            lab=self._lab,
        )
        desk = DeskServer(app, web.host, web.port, trusted_proxies=web.trusted_proxies)
        return desk, await desk.start()

    async def _start_administration(self, center: ContactCenter, store: Store, logins: Logins) -> Administration:
        prompts = PromptFolder(self._settings.state_dir / "prompts", SHIPPED_PROMPTS, store.configuration)
        administration = Administration(
            store=store, running=center.running, enrolment=center.enrolment, settings=self._from_file, prompts=prompts
        )
        center.running.when_gone.append(logins.revoke_all)
        await administration.start()
        self._parts.push_async_callback(administration.stop)
        return administration

    def _note_addresses(
        self, directory: CompanyDirectory, switch: PjsipSwitch, presence: PresenceService, web_port: int
    ) -> NodeAddresses:
        settings = self._settings
        broker = presence.broker
        addresses = NodeAddresses(
            web=settings.web.public_url or f"http://{_in_url(settings.web.host)}:{web_port}",
            sip_address=settings.sip.address,
            udp=switch.ports.udp or 0,
            tcp=switch.ports.tcp or 0,
            tls=switch.ports.tls or 0,
            mqtt_host=settings.presence.host or settings.presence.private_address,
            mqtt_port=broker.port if broker else settings.presence.port,
            mqtt_prefix=settings.presence.prefix,
        )
        directory.phone_server = PhoneServer(
            addresses.sip_address, addresses.udp, addresses.tcp, addresses.tls, addresses.mqtt_host, addresses.mqtt_port
        )
        return addresses

    def _connect_passwords(
        self, directory: CompanyDirectory, switch: PjsipSwitch, presence: PresenceService, center: ContactCenter
    ) -> None:
        directory.on_sip_change = switch.update_directory
        if presence.broker is not None:
            directory.set_device_password = presence.add_account
            center.running.when_gone.append(presence.remove_account)

    def _switch_event(self, event: SwitchEvent) -> None:
        if self._center is None:
            self._early_events.append(event)  # phones that were registered before a restart
        elif self._lab is None or not isinstance(event, LegEvent) or not self._lab.leg_event(event):
            self._center.switch_event(event)

    def _availability_changed(self, availability: Availability) -> None:
        if self._center is not None:
            self._center.availability_changed(availability)
            self._presence_changed(availability.person)

    def _with_center(self) -> ContactCenter:
        if self._center is None:
            raise RuntimeError("the node is still starting")
        return self._center

    def _watched(self) -> PresenceBodies:
        if self._bodies is None:
            raise RuntimeError("the node is still starting")
        return self._bodies

    def _take_over(self, center: ContactCenter) -> None:
        """From now on events go to the centre, those that came during the start first."""
        self._center = center
        for event in self._early_events:
            self._switch_event(event)
        self._early_events.clear()

    def _watch_health(self, center: ContactCenter) -> None:
        async def watch() -> None:
            while True:
                center.system_changed()
                await asyncio.sleep(WATCH_EVERY_S)

        self._in_background(watch(), "health-watch")

    def _in_background(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._parts.push_async_callback(partial(_cancel, task))

    def _announce(self) -> None:
        path = self._settings.state_dir / "node.json"
        path.write_text(json.dumps(self.addresses.as_json()) + "\n")
        self._parts.callback(path.unlink, missing_ok=True)
        log.info("node_started", **{k: v for k, v in self.addresses.as_json().items() if k != "pid"})


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _digest(offered: str) -> DigestSettings:
    return DigestSettings(algorithms=(Algorithm.MD5,)) if offered == "md5" else DigestSettings()


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def prepare_state_dir(path: Path) -> None:
    """Make the state directory, for its owner only; it holds password digests and keys."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def own_name(state_dir: Path) -> str:
    """The node's own name, made at its first start: what it holds in a shared database is known by it."""
    path = state_dir / "node-name"
    if not path.exists():
        path.write_text(new_id("node"))
    return path.read_text().strip()


async def with_stored(store: Store, settings: Settings) -> Settings:
    """The settings with what administrators changed on the page; as they are if that does not fit any more."""
    _, things = await store.configuration.load()
    changed, trouble = usable(settings, things["settings"])
    if trouble:
        log.error("stored_settings_not_used", reason=trouble)
    return changed


async def open_store(settings: Settings) -> Store:
    """Open the node's store.

    Raises:
        StoreError: It cannot be used; the message says why.
    """
    return await Store.open(
        settings.store_url,
        journal_dir=settings.state_dir / "journal",
        default_region=settings.store.default_region,
    )


def login_json(login: GeneratedLogin) -> dict[str, Any]:
    return {
        "person": str(login.person),
        "name": login.name,
        "roles": list(login.roles),
        "web_password": login.web_password,
        "phone_password": login.phone_password,
    }
