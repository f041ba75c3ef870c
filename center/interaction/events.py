"""What happened to an interaction, beside the events of its legs."""

from __future__ import annotations

from dataclasses import dataclass

from center.interaction.model import SupervisionMode
from telephony.events import LegEvent
from vocabulary import EndReason, EscalationId, LegId, PersonId


@dataclass(frozen=True, slots=True)
class Arrived:
    """The customer's leg was admitted for a service number."""


@dataclass(frozen=True, slots=True)
class Offered:
    """Routing reserved an agent: ring him on `leg`."""

    person: PersonId
    leg: LegId


@dataclass(frozen=True, slots=True)
class RingTimeout:
    """The agent has let it ring long enough."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class EscalationBegan:
    """Somebody asked for a specialist; the conversation goes on meanwhile."""

    escalation: EscalationId


@dataclass(frozen=True, slots=True)
class SpecialistAccepted:
    """The specialist accepted and is on the line: let him in."""

    escalation: EscalationId
    person: PersonId
    leg: LegId


@dataclass(frozen=True, slots=True)
class EscalationEnded:
    """The escalation is over without a specialist (declined, no answer, cancelled …)."""

    escalation: EscalationId


@dataclass(frozen=True, slots=True)
class PersonLeft:
    """An agent or specialist leaves the conversation by his desk; the others talk on."""

    person: PersonId


@dataclass(frozen=True, slots=True)
class AgentCameBack:
    """The agent whose phone was lost calls in again: `leg` is his, not answered yet."""

    person: PersonId
    leg: LegId


@dataclass(frozen=True, slots=True)
class Closed:
    """An agent or specialist ends the conversation for everybody, with its outcome."""

    person: PersonId
    outcome: str
    resolved: bool


@dataclass(frozen=True, slots=True)
class ConsultSwitched:
    """Agent or specialist asks to talk privately, or to come back to the customer."""

    person: PersonId
    on: bool


@dataclass(frozen=True, slots=True)
class SupervisorCame:
    """A supervisor wants to listen, whisper or join; if he is in the call already, he changes his mode."""

    person: PersonId
    leg: LegId
    mode: SupervisionMode


@dataclass(frozen=True, slots=True)
class WrapUpDone:
    """A person's after-call work for this interaction is over."""

    person: PersonId


@dataclass(frozen=True, slots=True)
class NodeStopping:
    """The node shuts down: end the call in good order."""

    end: EndReason


InteractionEvent = (
    Arrived
    | Offered
    | RingTimeout
    | EscalationBegan
    | SpecialistAccepted
    | EscalationEnded
    | PersonLeft
    | AgentCameBack
    | Closed
    | ConsultSwitched
    | SupervisorCame
    | WrapUpDone
    | NodeStopping
    | LegEvent
)
