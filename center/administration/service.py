"""Administration of a running company: look, change, undo. Writes the rows and the log as one, then tells the parts.

Several nodes may share a database. Changes have numbers without a gap, so of two nodes that write at the same time one
is refused by the database; it takes up the other's change first and tries again. What other nodes changed is taken up
every two seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import structlog

from center.administration.documents import change_document, thing_documents
from center.administration.machine import entered, propose, undo
from center.administration.model import (
    Book,
    Change,
    Company,
    Content,
    Kind,
    Stamp,
    Wish,
    person_content,
    person_of,
)
from center.administration.recordings import PromptFolder, digest_of, telephone_recording
from center.administration.running import RunningCompany
from center.enrolment import Enrolment, Keep
from center.errors import CenterError, NotAllowed, UnknownThing, WrongMoment
from center.live import Document
from center.settings import Settings
from routing.model import Person
from store.configuration import Access, StoredChange
from store.errors import StoreConflict, StoreError
from store.records import SipCredential
from store.store import Store
from vocabulary import DeskRole, PersonId

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 2.0
TRIES = 5
MOST_CHANGES = 200
Decide = Callable[[Book], Change | None]


class Administration:
    """The company's book of changes on one node. Loop thread only."""

    def __init__(
        self,
        *,
        store: Store,
        running: RunningCompany,
        enrolment: Enrolment,
        settings: Settings,
        prompts: PromptFolder,
    ) -> None:
        """`settings`: those of defaults, file and environment; the page's own are in the store."""
        self._store = store
        self._running = running
        self._directory = running.directory
        self._enrolment = enrolment
        self._prompts = prompts
        self._book = Book(Company({}, settings, prompts.shipped()))
        self._started_with: Company = self._book.company
        self._turn = asyncio.Lock()
        self._follower: asyncio.Task[None] | None = None

    # -- life -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Read the company, lay its recordings ready, and follow what other nodes change.

        Raises:
            StoreError: The store does not answer.
        """
        last, things = await self._store.configuration.load()
        known = {Kind(kind): each for kind, each in things.items()}
        queues = known[Kind.QUEUES].items()  # one that names no template has that of its own id
        known[Kind.QUEUES] = {name: {**queue, "template": queue["template"] or name} for name, queue in queues}
        company = Company(known, *self._shipped())
        stamps = {(Kind(c.kind), c.subject): Stamp(c.id, c.by, c.at) for c in await self._store.configuration.stamps()}
        self._book = Book(company, stamps, last)
        self._started_with = company
        self._running.keep_hours(company)
        for name in company.prompts():
            await self._lay_ready(name)
        self._running.show(last)
        self._enrolment.keep = self._keep_enrolled
        self._follower = asyncio.create_task(self._follow(), name="administration-follower")

    async def stop(self) -> None:
        if self._follower is not None:
            self._follower.cancel()
            await asyncio.gather(self._follower, return_exceptions=True)

    def _shipped(self) -> tuple[Settings, frozenset[str]]:
        company = self._book.company
        return company.settings, company.shipped_prompts

    async def _lay_ready(self, name: str) -> None:
        content = self._book.company.get(Kind.PROMPTS, name)
        await self._prompts.put(name, content["recording"] if content is not None else None)

    # -- looking ----------------------------------------------------------------------------------------------------

    def things(self, actor: Person, kind: Kind) -> list[Document]:
        """Everything of a kind with its version, who changed it last, and what refers to it."""
        _may(actor)
        return thing_documents(self._book, kind, self._directory, self._started_with)

    def thing(self, actor: Person, kind: Kind, subject: str) -> Document:
        """One of them."""
        found = next((each for each in self.things(actor, kind) if each["id"] == subject), None)
        if found is None:
            raise UnknownThing("unknown_thing", "There is nothing of that name.")
        return found

    async def changes(
        self, actor: Person, *, kind: str = "", subject: str = "", by: str = "", before: int | None = None, limit: int
    ) -> Sequence[Document]:
        """The log of changes, newest first."""
        _may(actor)
        stored = await self._store.configuration.changes(
            before=before, kind=kind, subject=subject, by=by, limit=min(limit, MOST_CHANGES)
        )
        await self._catch_up()
        return [change_document(_change(each), self._book, self._directory.names) for each in stored]

    async def audio(self, actor: Person, name: str, recording: str | None) -> bytes:
        """A prompt as it is heard: a recording by its digest, else the one in use."""
        _may(actor)
        content = self._book.company.get(Kind.PROMPTS, name)
        in_use = content["recording"] if content is not None else None
        shipped = recording == "shipped"
        audio = await self._prompts.audio(name, None if shipped else recording or in_use)
        if audio is None:
            raise UnknownThing("unknown_recording", "There is no such recording.")
        return audio

    # -- changing ---------------------------------------------------------------------------------------------------

    async def change(self, actor: Person, wish: Wish) -> Document:
        """Make, change or remove one thing. The answer holds the passwords of somebody new, this once.

        Raises:
            CenterError: The actor is no administrator, or the change cannot be; see `machine.propose`.
        """
        _may(actor)
        return await self._carry_out(actor.id, lambda book: propose(book, wish, actor.id, _now()))

    async def undo(self, actor: Person, number: int, note: str) -> Document:
        """Put back what a change changed.

        Raises:
            CenterError: The actor is no administrator, there is no such change, or something newer depends on it.
        """
        _may(actor)
        stored = await self._store.configuration.change(number)
        if stored is None:
            raise UnknownThing("unknown_change", "There is no such change.")
        return await self._carry_out(actor.id, lambda book: undo(book, _change(stored), actor.id, _now(), note))

    async def upload(self, actor: Person, name: str, upload: bytes, version: int, note: str) -> Document:
        """Let a recording be played under a prompt's name.

        Raises:
            BadRequest: It is no WAV, too long, or the name is none.
        """
        _may(actor)
        audio, seconds = await asyncio.to_thread(telephone_recording, upload)
        digest = digest_of(audio)
        await self._store.configuration.keep_recording(digest, audio)
        content = {"recording": digest, "seconds": seconds}
        return await self.change(actor, Wish(Kind.PROMPTS, name, content, version, note))

    async def _carry_out(self, by: PersonId, decide: Decide) -> Document:
        change = await self._decided(decide)
        if change is None:
            return {"change": None}
        if change.kind is Kind.PEOPLE and change.before is None and change.after is not None:
            person = person_of(change.subject, change.after)
            access = await self._enrolment.take_in(by, person, self._keep_by(decide))
            return {"change": self._last_of(change.kind, change.subject), "access": access}
        made = await self._write(decide)
        return {"change": change_document(made, self._book, self._directory.names) if made else None}

    def _last_of(self, kind: Kind, subject: str) -> Document | None:
        stamp = self._book.stamps.get((kind, subject))
        return {"id": stamp.version, "kind": kind, "subject": subject} if stamp else None

    async def _decided(self, decide: Decide) -> Change | None:
        await self._catch_up()
        return decide(self._book)

    async def _keep_enrolled(self, by: PersonId, person: Person, web_hash: str, credential: SipCredential) -> None:
        """Write somebody who was enrolled by the short form; his skills may be new ones."""
        change = Change(0, _now(), by, Kind.PEOPLE, person.id, None, person_content(person))
        await self._write(lambda book: _numbered(book, change), Access(web_hash, credential))

    def _keep_by(self, decide: Decide) -> Keep:
        async def keep(_by: PersonId, _person: Person, web_hash: str, credential: SipCredential) -> None:
            await self._write(decide, Access(web_hash, credential))

        return keep

    async def _write(self, decide: Decide, access: Access | None = None) -> Change | None:
        """Decide on the newest book, write, and tell the parts; again from the start if another node was first."""
        for _ in range(TRIES):
            async with self._turn:
                await self._take_up_others()
                change = decide(self._book)
                if change is None:
                    return None
                try:
                    await self._store.configuration.record(_stored(change), access)
                except StoreConflict:
                    continue
                await self._enter(change)
                log.info("configuration_changed", kind=change.kind, subject=change.subject, by=change.by, id=change.id)
                return change
        raise WrongMoment("not_stored", "Somebody else is changing the company at this moment; try again.")

    async def _enter(self, change: Change) -> None:
        self._book = entered(self._book, change)
        self._running.apply(change, self._book.company)
        self._running.show(change.id)
        if change.kind is Kind.PROMPTS:
            await self._lay_ready(change.subject)
        if change.kind is Kind.PEOPLE and change.after is None:
            await self._running.part_with(PersonId(change.subject))

    # -- other nodes ------------------------------------------------------------------------------------------------

    async def _catch_up(self) -> None:
        async with self._turn:
            await self._take_up_others()

    async def _take_up_others(self) -> None:
        """Let what other nodes changed count here, too."""
        for stored in await self._store.configuration.changes_after(self._book.last):
            change = _change(stored)
            await self._enter(change)
            if change.kind is Kind.PEOPLE:
                await self._directory.read_credentials()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self._catch_up()
            except (StoreError, CenterError) as error:
                log.warning("changes_not_followed", error=type(error).__name__)


def _may(actor: Person) -> None:
    if DeskRole.ADMINISTRATOR not in actor.roles:
        raise NotAllowed("not_an_administrator", "Only administrators do this.")


def _numbered(book: Book, change: Change) -> Change:
    if book.company.get(change.kind, change.subject) is not None:
        raise WrongMoment("person_exists", f"There is somebody called {change.subject} already.", field="id")
    return Change(book.last + 1, change.at, change.by, change.kind, change.subject, None, change.after, change.note)


def _now() -> datetime:
    return datetime.now(UTC)


def _stored(change: Change) -> StoredChange:
    return StoredChange(
        change.id,
        change.at,
        change.by,
        change.kind.value,
        change.subject,
        change.before,
        change.after,
        change.note,
        change.undoes,
    )


def _change(stored: StoredChange) -> Change:
    kind = Kind(stored.kind)
    return Change(
        stored.id,
        stored.at,
        stored.by,
        kind,
        stored.subject,
        _whole(kind, stored.before),
        _whole(kind, stored.after),
        stored.note,
        stored.undoes,
    )


def _whole(kind: Kind, content: Content | None) -> Content | None:
    """A thing as it would be written today: queues had no hours once, and a change from then can still be undone."""
    return {"hours": None, **content} if kind is Kind.QUEUES and content is not None else content
