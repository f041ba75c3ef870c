"""Tells the running parts of a node what changed in the company, so that nothing needs a restart. Loop thread only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import assert_never

import structlog
from pydantic import ValidationError

from center.administration.hours import calendar_of
from center.administration.model import (
    Change,
    Company,
    Content,
    Kind,
    person_of,
    queue_of,
    template_of,
    trunk_of,
)
from center.administration.tunable import effective, usable
from center.attention import Attention
from center.directory import CompanyDirectory
from center.engine import Engine
from center.escalation.model import Timing
from center.inviting import Inviting
from center.live import Audience, LiveDocuments
from center.promise.runner import PromiseKeeper
from center.screens import Screens
from presence.runner import PresenceService
from routing.events import PersonChanged, PersonRemoved, QueueChanged
from vocabulary import DeskRole, PersonId, QueueId

log = structlog.get_logger(__name__)

ADMINISTRATORS = Audience(roles=frozenset({DeskRole.ADMINISTRATOR}))


class RunningCompany:
    """Every running part that knows something of the company's set-up."""

    def __init__(
        self,
        *,
        directory: CompanyDirectory,
        engine: Engine,
        presence: PresenceService,
        inviting: Inviting,
        attention: Attention,
        screens: Screens,
        live: LiveDocuments,
        keeper: PromiseKeeper,
        timing: Timing,
    ) -> None:
        self.directory = directory
        self.timing = timing
        """Limits of escalations, where a queue has none of its own."""
        self.when_gone: list[Callable[[PersonId], Awaitable[None]]] = []
        """What else must be taken from somebody who left: his sessions, his account at the broker."""
        self._engine = engine
        self._presence = presence
        self._inviting = inviting
        self._attention = attention
        self._screens = screens
        self._live = live
        self._keeper = keeper

    def show(self, last_change: int) -> None:
        """Let administrators' pages know that there is something new to read."""
        self._live.put("administration", {"change": last_change}, ADMINISTRATORS)

    def apply(self, change: Change, company: Company) -> None:
        """Let a change count from now on. `company` is the one after it."""
        match change.kind:
            case Kind.PEOPLE:
                self._person(PersonId(change.subject), change.after)
            case Kind.QUEUES:
                self._queue(QueueId(change.subject), change.after, company)
            case Kind.NUMBERS:
                self._numbers(company)
            case Kind.TEMPLATES:
                self._templates(company)
            case Kind.TRUNKS:
                self._trunks(company)
            case Kind.SETTINGS:
                self._settings(company)
            case Kind.SKILLS | Kind.PROMPTS:
                pass  # skills are words; recordings lie in a folder
            case _:
                assert_never(change.kind)

    async def part_with(self, person: PersonId) -> None:
        """Take from somebody who was removed what lets him in; a failure of one does not keep the others."""
        for take_away in self.when_gone:
            try:
                await take_away(person)
            except Exception as error:
                log.error("access_not_taken_away", person=person, error=type(error).__name__)

    def _person(self, person: PersonId, after: Content | None) -> None:
        if after is None:
            self._engine.tell_routing(PersonRemoved(person))
            self._inviting.person_removed(person)
            self._live.roles_changed(person, frozenset())
            self.directory.remove(person)
            self._presence.forget(person)
            for key in (f"person/{person}", f"me/{person}"):
                self._live.drop(key)
            return
        known = person_of(person, after)
        self.directory.change(known)
        self._presence.watch(person)
        self._inviting.person_changed(known)
        self._engine.tell_routing(PersonChanged(known))
        self._live.roles_changed(person, known.roles)
        self._screens.show_person(person)

    def _queue(self, name: QueueId, after: Content | None, company: Company) -> None:
        others = [queue for queue in self.directory.queues if queue.id != name]
        if after is None:
            self.directory.queues = others
            self._live.drop(f"queue/{name}")
        else:
            queue = queue_of(name, after)
            self.directory.queues = sorted([*others, queue], key=lambda each: each.id)
            self._engine.tell_routing(QueueChanged(queue))
            self._templates(company)
            self._screens.show_queues()
        self.keep_hours(company)
        self.directory.tell_switch()

    def _numbers(self, company: Company) -> None:
        numbers = company.of(Kind.NUMBERS).items()
        self.directory.numbers = {number: QueueId(each["queue"]) for number, each in numbers}
        self.directory.tell_switch()

    def _templates(self, company: Company) -> None:
        """New cases have the new fields; running ones keep those they were opened with."""
        for queue in company.of(Kind.QUEUES):
            content = company.get(Kind.TEMPLATES, company.template_of(queue))
            self.directory.templates[QueueId(queue)] = template_of(queue, content)

    def _trunks(self, company: Company) -> None:
        default = self.directory.default_outbound_uri
        trunks = sorted(company.of(Kind.TRUNKS).items())
        self.directory.trunks = tuple(trunk_of(name, content, default) for name, content in trunks)
        self.directory.tell_switch()

    def _settings(self, company: Company) -> None:
        try:
            settings = effective(company.settings, company.of(Kind.SETTINGS))
        except ValidationError:  # another node's version of the program may allow what this one does not
            log.error("settings_not_taken_up")
            return
        self.timing = settings.escalation.timing()
        self._attention.set_limit(settings.escalation.misses)
        self.keep_hours(company)

    def keep_hours(self, company: Company) -> None:
        """Let new promises be due in each queue's hours, and made by the limits of the settings."""
        promises = usable(company.settings, company.of(Kind.SETTINGS))[0].promises
        self._keeper.set_rules(promises.rules(), calendar_of(company, promises))
