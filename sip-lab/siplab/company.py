"""Companies for scenarios: who works there with which skills, which queue serves the calls, where calls out go.

`siplab.enrol` writes one into an empty state folder before the node starts, as `ringside init` does with the demo
company.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

CLAIMS_NUMBER, CLAIMS, FRAUD = "5001", "claims", "fraud"


@dataclass(frozen=True, slots=True)
class Employee:
    """Somebody who works there. `role` is agent, specialist or supervisor; `trusted`: lifting his handset accepts."""

    person: str
    name: str
    role: str
    skills: dict[str, int] = field(default_factory=dict)
    trusted: bool = True


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody known who calls."""

    id: str
    name: str
    number: str


@dataclass(frozen=True, slots=True)
class LabCompany:
    """A company with one queue (claims). `outbound` is where its trunk sends calls to customers, as a SIP URI."""

    people: tuple[Employee, ...]
    customers: tuple[Customer, ...] = (Customer("ana.kovac", "Ana K.", "+385915550101"),)
    wanted_skills: tuple[str, ...] = (CLAIMS, FRAUD)
    wrap_up_s: float = 0.0
    outbound: str = ""

    def as_json(self) -> dict[str, Any]:
        """Give the company as `siplab.enrol` reads it."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> LabCompany:
        """Read what `as_json` gave."""
        people = tuple(Employee(**each) for each in content["people"])
        customers = tuple(Customer(**each) for each in content["customers"])
        rest = {name: content[name] for name in ("wrap_up_s", "outbound")}
        return cls(people, customers, tuple(content["wanted_skills"]), **rest)


def agent(number: int = 1) -> Employee:
    """Give an agent of the claims queue."""
    return Employee(f"agent.{number:02}", f"Agent {number}", "agent", {CLAIMS: 3})


def specialist(number: int, level: int = 5, skill: str = CLAIMS, trusted: bool = True) -> Employee:
    """Give a specialist, E1, E2 …"""
    return Employee(f"expert.{number:02}", f"Expert {number}", "specialist", {skill: level}, trusted)
