"""Which scenarios there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from siplab.errors import BadInput
from siplab.scenarios.s02 import S02
from siplab.scenarios.s03 import S03
from siplab.scenarios.s04 import S04
from siplab.scenarios.s05_nodes import S05Nodes
from siplab.scenarios.s06 import S06
from siplab.scenarios.s07 import S07
from siplab.scenarios.scene import Scene


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario: what it is about, and its scene; None for S01, which plays in the demo company."""

    says: str
    scene: type[Scene] | None = None


SCENARIOS = {
    "s01": Scenario("S01, steps 1 to 7: pull in a free specialist (customer, agent, three specialists; about 20 s)"),
    "s02": Scenario("S02: nobody answers, and still somebody comes in time, or a promise (about 60 s)", S02),
    "s03": Scenario("S03, steps 1 to 3: nobody is free; the promised callback is made and kept (about 15 s)", S03),
    "s04": Scenario(
        "S04: any phone can escalate; a phone without a screen, or behind a foreign PBX, gets it (about 35 s)", S04
    ),
    "s05": Scenario(
        "S05 on three nodes: ten agents want one expert at once, one node is cut off, one killed (about 60 s)",
        S05Nodes,
    ),
    "s06": Scenario(
        "S06: what every list shows of an expert, false free 0 (30 situations, 2,000 people; about 60 s)", S06
    ),
    "s07": Scenario("S07, a sample: somebody hangs up at the worst moment (about 30 s)", S07),
}


def chosen_scenarios(asked: Sequence[str]) -> tuple[str, ...]:
    """Read the names asked for; `all` means every one. Each is played once, in the order asked.

    Raises:
        BadInput: One is unknown.
    """
    names = tuple(SCENARIOS) if "all" in asked else tuple(dict.fromkeys(name.lower() for name in asked))
    unknown = [name for name in names if name not in SCENARIOS]
    if unknown:
        raise BadInput(f"there is no scenario {unknown[0]!r}; there are: {', '.join(SCENARIOS)}, all")
    return names
