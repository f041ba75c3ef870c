"""What a desk may ask of the centre. `center.commands.Commands` is the real one; desk tests use a fake.

Every command names the acting person and is checked here, not at the desk: refusals are `CenterError`s.
Documents are those of docs/api.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from center.enrolment import NewPerson
from center.escalation.model import Choice
from center.interaction.model import SupervisionMode
from center.live import Document, LiveDocuments
from center.report.documents import Behind
from center.report.report import Window
from presence.model import Status
from routing.model import AgentStatus, Person
from vocabulary import CaseId, EscalationId, InteractionId, PersonId, QueueId, TaskId


class ReportsApi(Protocol):
    """What is behind the figures; `center.report.live.Reports` is the real one."""

    async def calls(
        self, person: Person, figure: Behind, window: Window, queue: QueueId, bin_: int | None = None
    ) -> Document: ...

    async def help_given(self, person: Person) -> Document: ...

    async def rate(self, person: Person, interaction: InteractionId, rating: int, words: str) -> None: ...


class ExportsApi(Protocol):
    """Hands interactions out to other programs; `center.vcon_export.VconExport` is the real one."""

    async def vcon(self, actor: PersonId, interaction: InteractionId) -> Document: ...


class CenterApi(Protocol):
    """Commands and look-ups of the people at their desks."""

    live: LiveDocuments

    @property
    def reports(self) -> ReportsApi: ...

    @property
    def exports(self) -> ExportsApi: ...

    def person(self, person: PersonId) -> Person | None: ...

    async def new_phone_password(self, actor: PersonId) -> Document: ...

    async def choose_agent_status(self, actor: PersonId, status: AgentStatus, reason: str) -> None: ...

    async def choose_availability(
        self, actor: PersonId, status: Status | None, reason: str, until: datetime | None
    ) -> None: ...

    async def is_here(self, actor: PersonId) -> None: ...

    async def set_limits(self, actor: PersonId, limits: dict[str, Any]) -> None: ...

    async def enrol(self, actor: PersonId, new: NewPerson) -> Document: ...

    async def finish_wrap_up(self, actor: PersonId, disposition: str, note: str) -> None: ...

    async def escalate(
        self,
        actor: PersonId,
        interaction: InteractionId,
        specialist: PersonId | None,
        reason: str,
        skill: str = "",
        override_reason: str = "",
    ) -> Document: ...

    async def choose(self, actor: PersonId, escalation: EscalationId, choice: Choice) -> None: ...

    async def leave(self, actor: PersonId, interaction: InteractionId) -> None: ...

    async def close(
        self, actor: PersonId, interaction: InteractionId, outcome: str, resolved: bool, note: str
    ) -> None: ...

    async def supervise(self, actor: PersonId, interaction: InteractionId, mode: SupervisionMode) -> None: ...

    async def stop_supervising(self, actor: PersonId, interaction: InteractionId) -> None: ...

    async def consult(self, actor: PersonId, interaction: InteractionId, on: bool) -> None: ...

    async def rendered(self, actor: PersonId, escalation: EscalationId, digest: str) -> None: ...

    async def accept(self, actor: PersonId, escalation: EscalationId) -> None: ...

    async def decline(self, actor: PersonId, escalation: EscalationId, reason: str) -> None: ...

    async def postpone(self, actor: PersonId, escalation: EscalationId, minutes: int) -> None: ...

    async def cancel(self, actor: PersonId, escalation: EscalationId) -> None: ...

    def tasks(self, actor: PersonId) -> Sequence[Document]: ...

    async def accept_task(self, actor: PersonId, task: TaskId) -> None: ...

    async def decline_task(self, actor: PersonId, task: TaskId) -> None: ...

    async def finish_task(self, actor: PersonId, task: TaskId, outcome: str, resolved: bool) -> None: ...

    async def edit_case(
        self, actor: PersonId, case: CaseId, field: str, text: str, base_version: int
    ) -> dict[str, Any]: ...

    async def case(self, actor: PersonId, case: CaseId) -> Document: ...

    def specialists_in_order(self, actor: PersonId, interaction: InteractionId) -> list[Document]: ...

    async def interaction(self, actor: PersonId, interaction: InteractionId) -> Document: ...

    async def timeline(self, actor: PersonId, interaction: InteractionId) -> list[Document]: ...

    async def health(self) -> Document: ...
