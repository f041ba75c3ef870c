"""Load plans: who calls whom, how often, how long, who works there, what the network is like, and what has to hold."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

MAX_DURATION_S, MAX_CALLS, MAX_RATE, MAX_CONCURRENT, MAX_WORKERS = 86_400.0, 1_000_000, 500.0, 5_000, 32
MAX_STAFF = 60
MAX_CHURNING = 2_000

Codec = Literal["PCMU", "PCMA", "G722", "opus"]
Transport = Literal["udp", "tcp", "tls"]


class Section(BaseModel):
    """A table of the file; unknown keys are refused, so a typing error is told."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Run(Section):
    """Hard limits of the run."""

    duration_s: float = Field(default=60.0, gt=0, le=MAX_DURATION_S, description="No call begins later. Seconds.")
    max_calls: int = Field(default=1_000, ge=1, le=MAX_CALLS, description="Calls in total.")
    max_calls_per_s: float = Field(default=20.0, gt=0, le=MAX_RATE, description="Calls begun in any second, at most.")
    max_concurrent: int = Field(default=100, ge=1, le=MAX_CONCURRENT, description="Calls at the same time, at most.")
    workers: int = Field(default=1, ge=1, le=MAX_WORKERS, description="Processes that share the calls.")


class Kind(Section):
    """A kind of customers."""

    part: float = Field(gt=0, le=1_000, description="How many of them, in relation to the other kinds.")
    codec: Codec = "PCMU"
    transport: Transport = "udp"
    srtp: bool = False

    @property
    def label(self) -> str:
        return f"{self.codec} {self.transport}{' srtp' if self.srtp else ''}"


class Customers(Section):
    """Who calls."""

    number: str = Field(
        default="5001", pattern=r"^[A-Za-z0-9+*#._-]{1,64}$", description="Whom they call: the user part."
    )
    caller: str = Field(default="+385915551", pattern=r"^\+?[0-9]{1,12}$", description="Beginning of their numbers.")
    codec: Codec = Field(default="PCMU", description="What they offer, alone.")
    transport: Transport = Field(default="udp", description="How SIP travels.")
    srtp: bool = Field(default=False, description="Only encrypted sound, keyed by SDES; nodes offer it over TLS.")
    answer_timeout_s: float = Field(default=30.0, ge=1, le=600, description="They give up when nobody answers so long.")
    mix: tuple[Kind, ...] = Field(
        default=(), max_length=16, description="Kinds of customers in these parts, instead of codec, transport, srtp."
    )


class Constant(Section):
    """Calls at equal distances."""

    kind: Literal["constant"]
    rate_per_s: float = Field(gt=0, le=MAX_RATE)


class Poisson(Section):
    """Calls that know nothing of each other."""

    kind: Literal["poisson"]
    rate_per_s: float = Field(gt=0, le=MAX_RATE)


class MorningPeak(Section):
    """Poisson calls whose rate rises from a tenth to the peak at a third of the run, and falls again."""

    kind: Literal["morning_peak"]
    peak_per_s: float = Field(gt=0, le=MAX_RATE)


class Burst(Section):
    """Poisson calls with a burst in between."""

    kind: Literal["burst"]
    rate_per_s: float = Field(gt=0, le=MAX_RATE)
    factor: float = Field(default=3.0, ge=1, le=100, description="How many times the rate during the burst.")
    at_s: float = Field(ge=0, le=MAX_DURATION_S, description="When the burst begins.")
    for_s: float = Field(gt=0, le=MAX_DURATION_S, description="How long it lasts.")


class Replay(Section):
    """Calls from a CSV file with the columns `at_s` and `talk_s`."""

    kind: Literal["replay"]
    file: str = Field(min_length=1, max_length=500, description="Relative to the plan.")


class Fixed(Section):
    """Everybody talks equally long."""

    kind: Literal["fixed"]
    mean_s: float = Field(gt=0, le=3_600)


class Exponential(Section):
    """Talk times as of calls without memory."""

    kind: Literal["exponential"]
    mean_s: float = Field(gt=0, le=3_600)


class LogNormal(Section):
    """Talk times as contact centres measure them: many short, few very long."""

    kind: Literal["lognormal"]
    mean_s: float = Field(gt=0, le=3_600)
    sigma: float = Field(default=0.8, gt=0, le=3, description="Spread of the logarithm.")


class Audio(Section):
    """What the callers listen for. Each sends a tone of his own."""

    hears: Literal["echo", "sound", "nothing"] = Field(
        default="sound", description="echo: his own tone comes back; sound: anything; nothing: audio is not judged."
    )
    max_silence_ms: float = Field(default=1_000.0, ge=100, le=60_000, description="A longer pause is a gap.")


class Agents(Section):
    """Who serves the customers, at desks of our own product (target `self` or `http://…`)."""

    count: int = Field(ge=1, le=MAX_STAFF)
    sipp: int = Field(default=0, ge=0, le=MAX_STAFF, description="So many of them have SIPp as their phone.")
    answers_after_s: float = Field(default=0.4, ge=0, le=30)
    wrap_up_s: float = Field(default=1.0, ge=0, le=600, description="After-call work.")


class Escalations(Section):
    """What agents do when they do not know."""

    percent: float = Field(default=100.0, ge=0, le=100, description="Share of the calls that escalate.")
    skill: str = Field(default="", pattern=r"^[A-Za-z0-9._-]{0,64}$", description="Empty: the skills of the queue.")
    together_s: float = Field(default=4.0, ge=1, le=600, description="Three talk, then the agent leaves.")
    alone_s: float = Field(default=1.0, ge=0, le=600, description="Then specialist and customer talk on.")
    when_nobody: Literal["wait", "callback", "task"] = Field(default="callback", description="What the agent chooses.")


class Answers(Section):
    """What specialists do when their phone rings, in parts; drawn for every ring."""

    answers: float = Field(default=1.0, ge=0, le=1_000)
    declines: float = Field(default=0.0, ge=0, le=1_000, description="603")
    busy: float = Field(default=0.0, ge=0, le=1_000, description="486")
    never: float = Field(default=0.0, ge=0, le=1_000, description="The phone rings and nobody comes.")
    mailbox: float = Field(default=0.0, ge=0, le=1_000, description="A machine answers at once.")
    forwards: float = Field(default=0.0, ge=0, le=1_000, description="302 to somewhere else.")

    @model_validator(mode="after")
    def _somebody_does_something(self) -> Answers:
        if not sum(self.model_dump().values()):
            raise ValueError("at least one part must be more than 0")
        return self


class Expect(Section):
    """When the run has passed. What is left out is not judged."""

    answered_percent: float | None = Field(default=None, ge=0, le=100)
    setup_p95_ms: float | None = Field(default=None, gt=0)
    mos_p5: float | None = Field(
        default=None, ge=1, le=4.5, description="All but one call in twenty are at least so good."
    )
    one_way_calls: int | None = Field(default=None, ge=0)
    calls_with_gaps: int | None = Field(default=None, ge=0)
    deaf_calls: int | None = Field(default=None, ge=0, description="Calls in which somebody did not hear somebody.")
    promises_broken: int | None = Field(default=None, ge=0, description="Escalations that broke N1, N2, N3 or N8.")
    joined_percent: float | None = Field(default=None, ge=0, le=100, description="Escalations that got a specialist.")
    handover_p95_s: float | None = Field(default=None, gt=0, description="From the request to a person or a promise.")


Arrivals = Annotated[Constant | Poisson | MorningPeak | Burst | Replay, Field(discriminator="kind")]
TalkTime = Annotated[Fixed | Exponential | LogNormal, Field(discriminator="kind")]


class Specialists(Section):
    """Who is asked in."""

    count: int = Field(ge=1, le=MAX_STAFF)
    dead: int = Field(default=0, ge=0, le=MAX_STAFF, description="Phones of so many registered and are gone.")
    lifting_accepts: bool = Field(default=True, description="Their handsets are trusted; otherwise they click Accept.")
    answers_after: TalkTime = LogNormal(kind="lognormal", mean_s=2.5, sigma=0.4)
    back_after_s: float = Field(
        default=5.0, ge=0, le=600, description="Who missed calls and is doubted says so long after: I am here."
    )
    mix: Answers = Answers()


class Presence(Section):
    """People whose UC client says something new over MQTT again and again: the specialists, and others."""

    every_s: float = Field(default=10.0, ge=0.05, le=3_600, description="Each of them, on average.")
    away_percent: float = Field(default=20.0, ge=0, le=100, description="Share of the time they are busy or away.")
    people: int = Field(default=0, ge=0, le=MAX_CHURNING, description="Others without phones (target `self` only).")


class Network(Section):
    """Weather on the sound of customers, both ways; the same for the same seed. Those with SRTP have none."""

    loss_percent: float = Field(default=0.0, ge=0, le=90)
    delay_ms: float = Field(default=0.0, ge=0, le=2_000)
    jitter_ms: float = Field(default=0.0, ge=0, le=500, description="Standard deviation; much of it reorders, too.")
    reorder_percent: float = Field(default=0.0, ge=0, le=90, description="These packets come 40 ms late.")
    calls_percent: float = Field(default=100.0, ge=0, le=100, description="Share of the calls that suffer from it.")


class Plan(Section):
    """A load plan of `siplab load`."""

    name: str = Field(min_length=1, max_length=120)
    target: str = Field(
        default="",
        max_length=200,
        description="`self` (a node of its own), `http://…` (a running node) or `sip:…`; --target goes before.",
    )
    seed: int = Field(default=1, ge=0, description="The same seed gives the same calls.")
    run: Run = Run()
    customers: Customers = Customers()
    arrivals: Arrivals
    talk: TalkTime = Fixed(kind="fixed", mean_s=10.0)
    audio: Audio = Audio()
    agents: Agents | None = None
    escalations: Escalations | None = None
    specialists: Specialists | None = None
    presence: Presence | None = None
    network: Network | None = None
    expect: Expect = Expect()

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of customers; one, when there is no mix."""
        each = self.customers
        return each.mix or (Kind(part=1, codec=each.codec, transport=each.transport, srtp=each.srtp),)

    @model_validator(mode="after")
    def _burst_in_time(self) -> Plan:
        if isinstance(self.arrivals, Burst) and self.arrivals.at_s >= self.run.duration_s:
            raise ValueError("arrivals.at_s lies after the end of the run (run.duration_s)")
        return self

    @model_validator(mode="after")
    def _staff_is_whole(self) -> Plan:
        if self.escalations and not (self.agents and self.specialists):
            raise ValueError("[escalations] needs [agents] and [specialists]")
        if self.agents and self.agents.sipp > self.agents.count:
            raise ValueError("agents.sipp is more than agents.count")
        if self.specialists and self.specialists.dead > self.specialists.count:
            raise ValueError("specialists.dead is more than specialists.count")
        if self.presence and not (self.specialists or self.presence.people):
            raise ValueError("[presence] needs [specialists], or presence.people")
        return self


def schema() -> dict[str, Any]:
    """Give the JSON schema of plans, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Plan.model_json_schema()}
