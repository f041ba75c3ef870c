"""Load plans: TOML files that say who calls whom, how often, how long, and what has to hold; checked line by line."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from siplab.errors import BadInput

MAX_DURATION_S, MAX_CALLS, MAX_RATE, MAX_CONCURRENT, MAX_WORKERS = 86_400.0, 1_000_000, 500.0, 5_000, 32


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


class Customers(Section):
    """Who calls."""

    number: str = Field(
        default="5001", pattern=r"^[A-Za-z0-9+*#._-]{1,64}$", description="Whom they call: the user part."
    )
    caller: str = Field(default="+385915551", pattern=r"^\+?[0-9]{1,12}$", description="Beginning of their numbers.")
    codec: Literal["PCMU", "PCMA"] = Field(default="PCMU", description="What they offer.")
    transport: Literal["udp", "tcp", "tls"] = Field(default="udp", description="How SIP travels.")
    answer_timeout_s: float = Field(default=30.0, ge=1, le=600, description="They give up when nobody answers so long.")


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


class Expect(Section):
    """When the run has passed. What is left out is not judged."""

    answered_percent: float | None = Field(default=None, ge=0, le=100)
    setup_p95_ms: float | None = Field(default=None, gt=0)
    mos_p5: float | None = Field(
        default=None, ge=1, le=4.5, description="All but one call in twenty are at least so good."
    )
    one_way_calls: int | None = Field(default=None, ge=0)
    calls_with_gaps: int | None = Field(default=None, ge=0)


Arrivals = Annotated[Constant | Poisson | MorningPeak | Burst | Replay, Field(discriminator="kind")]
TalkTime = Annotated[Fixed | Exponential | LogNormal, Field(discriminator="kind")]


class Plan(Section):
    """A load plan of `siplab load`."""

    name: str = Field(min_length=1, max_length=120)
    seed: int = Field(default=1, ge=0, description="The same seed gives the same calls.")
    run: Run = Run()
    customers: Customers = Customers()
    arrivals: Arrivals
    talk: TalkTime = Fixed(kind="fixed", mean_s=10.0)
    audio: Audio = Audio()
    expect: Expect = Expect()

    @model_validator(mode="after")
    def _burst_in_time(self) -> Plan:
        if isinstance(self.arrivals, Burst) and self.arrivals.at_s >= self.run.duration_s:
            raise ValueError("arrivals.at_s lies after the end of the run (run.duration_s)")
        return self


def schema() -> dict[str, Any]:
    """Give the JSON schema of plans, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Plan.model_json_schema()}


def read_plan(path: Path) -> Plan:
    """Read a plan.

    Raises:
        BadInput: It cannot be read, is not TOML, or breaks a rule; each problem with its line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not UTF-8 text") from error
    return parse_plan(text, str(path))


def parse_plan(text: str, name: str) -> Plan:
    """Read a plan's text; `name` is what messages call it.

    Raises:
        BadInput: As of `read_plan`.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{name}: not valid TOML: {error}") from error
    try:
        return Plan.model_validate(content)
    except ValidationError as error:
        raise BadInput("\n".join(_problems(error, text, name))) from None


def _problems(error: ValidationError, text: str, name: str) -> list[str]:
    lines = _lines_of_keys(text)
    problems = []
    for each in error.errors(include_url=False):
        path = _without_tags(each["loc"], lines)
        key = ".".join(path)
        line = lines.get(key) or next((lines[k] for k in _ancestors(path) if k in lines), 1)
        problems.append((line, f"{name}, line {line}: {key or 'the file'}: {_said(each)}"))
    return [problem for _, problem in sorted(problems)]


def _said(error: Any) -> str:
    """Say what is wrong, in words of the file."""
    match error["type"]:
        case "extra_forbidden":
            return "there is no such key"
        case "missing":
            return "is missing"
        case "union_tag_not_found":
            return "needs `kind`"
        case "union_tag_invalid":
            return f"kind must be one of {error['ctx']['expected_tags']}"
        case "value_error":
            return str(error["ctx"]["error"])
    given = f", not {error['input']!r}" if not isinstance(error["input"], dict) else ""
    said = str(error["msg"])
    return f"{said[0].lower()}{said[1:]}{given}"


def _without_tags(loc: tuple[int | str, ...], lines: dict[str, int]) -> list[str]:
    """Drop what pydantic adds for the kind that was chosen: `arrivals.poisson.rate_per_s` is in no file."""
    path = [str(part) for part in loc]
    if len(path) > 1 and path[0] in ("arrivals", "talk") and ".".join(path[:2]) not in lines:
        del path[1]
    return path


def _ancestors(path: list[str]) -> list[str]:
    return [".".join(path[:n]) for n in range(len(path) - 1, 0, -1)]


_TABLE = re.compile(r"^\s*\[\s*([A-Za-z0-9_.-]+)\s*\]")
_KEY = re.compile(r"^\s*([A-Za-z0-9_-]+)\s*=")


def _lines_of_keys(text: str) -> dict[str, int]:
    """Find the line of each table and key; enough for files as people write them."""
    found: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := _TABLE.match(line):
            table = header[1]
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault(f"{table}.{key[1]}" if table else key[1], number)
    return found


EXAMPLE = """\
# A load plan for `siplab load FILE --target sip:HOST:PORT`. `siplab check FILE` tells what is wrong with it.

name = "A busy hour at the claims line"
seed = 1                      # the same seed gives the same calls

[run]                         # hard limits; nothing goes beyond them
duration_s = 60               # no call begins later
max_calls = 300
max_calls_per_s = 10
max_concurrent = 100
workers = 1                   # processes; one carries 300 calls and more

[customers]
number = "5001"               # whom they call
caller = "+385915551"         # their numbers begin like this
codec = "PCMU"                # or PCMA
transport = "udp"             # or tcp, tls
answer_timeout_s = 30         # then they give up

[arrivals]                    # kinds: constant, poisson, morning_peak, burst, replay
kind = "burst"
rate_per_s = 1.0
factor = 3                    # three times as many …
at_s = 20                     # … from here …
for_s = 10                    # … for so long
# kind = "morning_peak"       # with peak_per_s = 3.0
# kind = "replay"             # with file = "calls.csv", columns at_s and talk_s

[talk]                        # kinds: fixed, exponential, lognormal
kind = "lognormal"
mean_s = 12
sigma = 0.8

[audio]
hears = "sound"               # echo: his own tone comes back; sound: anything; nothing: not judged
max_silence_ms = 1000

[expect]                      # when the run has passed; leave out what shall not be judged
answered_percent = 99
setup_p95_ms = 500
mos_p5 = 4.0
one_way_calls = 0
"""
