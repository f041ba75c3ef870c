"""The system under test: a node of its own with a company to fit the plan, a running node, or any SIP server."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from siplab.company import CLAIMS, Employee, LabCompany, agent, specialist
from siplab.desk import DeskClient
from siplab.errors import BadInput, LabError
from siplab.load.plan import Plan
from siplab.load.target import Target, check_reachable, parse_target, refuse_strangers
from siplab.node import NodeAccess, PrivateNode, attach
from siplab.scenarios.scene import BASE_ENVIRONMENT

SELF = "self"
PASSER_BY = "passer-by"


@dataclass(frozen=True, slots=True)
class System:
    """What is loaded. `access` is None for a SIP server without our desk, `pid` 0 when its process is not known."""

    target: Target
    access: NodeAccess | None = None
    pid: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says about the system: its name, whose it is, and how to get in."""

    text: str
    owned: bool = False
    logins: Path | None = None
    pid: int = 0


def check_wanted(wanted: Wanted, plan: Plan) -> None:
    """Tell what is wrong with the target before anything is started.

    Raises:
        BadInput: What, and what to change.
    """
    if not wanted.text:
        raise BadInput('say what to load: --target, or target = "self" in the plan')
    if wanted.pid and not Path(f"/proc/{wanted.pid}").exists():
        raise BadInput(f"--pid: there is no process {wanted.pid}")
    if wanted.text == SELF:
        return
    if wanted.text.startswith(("http://", "https://")):
        attach(wanted.text, wanted.logins)
        refuse_strangers(_host_of(wanted.text), 80, wanted.owned)
        if plan.presence and plan.presence.people:
            raise BadInput("presence.people are made in a node of our own: use --target self, or leave them out")
        return
    target = parse_target(wanted.text, plan.kinds[0].transport, wanted.owned)
    if plan.agents or plan.specialists or plan.presence:
        raise BadInput(
            "[agents], [specialists] and [presence] work at desks of our own product: use --target self, or "
            "--target http://HOST:PORT with --logins; without these tables the plan drives plain calls"
        )
    for transport in sorted({kind.transport for kind in plan.kinds}):
        check_reachable(target.over(transport))


def _host_of(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].rpartition(":")[0] or url.partition("://")[2].partition("/")[0]


@asynccontextmanager
async def open_system(wanted: Wanted, plan: Plan) -> AsyncIterator[System]:
    """Start or find it; what was started is stopped afterwards.

    Raises:
        LabError: It did not start, or cannot be used.
    """
    if wanted.text == SELF:
        node = PrivateNode(extra_env=dict(BASE_ENVIRONMENT), company=company_for(plan))
        async with node as access:
            try:
                yield System(await _sip_of(access), access, access.pid)
            except LabError as error:
                raise LabError(f"{error}\n{node.log_tail()}") from error
    elif wanted.text.startswith("http"):
        access = attach(wanted.text, wanted.logins)
        yield System(await _sip_of(access), access, wanted.pid or _pid_of(access))
    else:
        yield System(parse_target(wanted.text, plan.kinds[0].transport, wanted.owned), None, wanted.pid)


async def _sip_of(access: NodeAccess) -> Target:
    """Ask a desk where phones and customers go."""
    login = next(iter(access.logins.values()))
    async with DeskClient(access.web, login.person, login.web_password) as desk:
        phone = desk.docs["me"]["phone"]
    ports = {str(name): int(port) for name, port in phone["ports"].items() if port}
    return Target(str(phone["server"]), ports["udp"], "udp", tuple(sorted(ports.items())))


def _pid_of(access: NodeAccess) -> int:
    """Find the process of a node on this machine by its `node.json`; 0 when there is none to be seen."""
    folder = Path(os.environ.get("RINGSIDE_STATE_DIR", "var"))
    try:
        facts = json.loads((folder / "node.json").read_text(encoding="utf-8"))
        same = str(facts["web"]).rstrip("/") == access.web and Path(f"/proc/{facts['pid']}").exists()
        return int(facts["pid"]) if same else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def company_for(plan: Plan) -> LabCompany:
    """Make a company with the people of a plan, and a supervisor who looks on."""
    people = [Employee("lab.supervisor", "Lab Supervisor", "supervisor")]
    if plan.agents is not None:
        people += [agent(n + 1) for n in range(plan.agents.count)]
    if plan.specialists is not None:
        trusted = plan.specialists.lifting_accepts
        people += [specialist(n + 1, trusted=trusted) for n in range(plan.specialists.count)]
    if plan.presence is not None:
        others = range(plan.presence.people)
        people += [
            Employee(f"{PASSER_BY}.{n + 1:04}", f"Colleague {n + 1}", "specialist", {"other": 1}) for n in others
        ]
    wrap_up_s = 4 * plan.agents.wrap_up_s + 10 if plan.agents is not None and plan.agents.wrap_up_s else 0.0
    return LabCompany(tuple(people), (), (CLAIMS,), wrap_up_s)
