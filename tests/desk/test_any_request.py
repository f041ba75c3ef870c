"""The API keeps its own description: whatever fits it, or just does not, gets a documented answer and never a crash."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from desk.access import COOKIE
from desk.settings import DeskSettings
from tests.desk.whole_desk import ROLES, WholeDesk, a_whole_desk

pytestmark = pytest.mark.loopback

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
POSITIVE, NEGATIVE = 3, 2
"""Requests to each operation that fit its description, and that do not; each by a person drawn from all roles."""
schemathesis.serializer.alias("audio/wav", "application/octet-stream")
LAST = ("/api/me/sessions/end-others", "/api/logout")
"""They end the log-ins that the others need."""


@pytest.fixture(scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WholeDesk]:
    async with a_whole_desk(tmp_path_factory.mktemp("any"), DeskSettings()) as running:
        yield running


@dataclass
class Fuzzing:
    """Sends drawn requests from a thread of its own; the desk serves them on the loop."""

    desk: WholeDesk
    cookies: dict[str, dict[str, str]]
    """Role -> the cookies of one log-in."""
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def run(self) -> None:
        schema = schemathesis.openapi.from_dict(self.desk.app.openapi())
        operations: list[Any] = [found.ok() for found in cast("Any", schema.get_all_operations())]
        assert len(operations) > 40
        with requests.Session() as session:
            for operation in sorted(operations, key=lambda each: (each.path in LAST, each.path)):
                names = {parameter.name for parameter in operation.path_parameters}
                known = {name: self.desk.ids[name] for name in names if name in self.desk.ids}
                self._try(session, operation.as_strategy(path_parameters=known or None), POSITIVE)
                with suppress(Unsatisfiable):  # what takes nothing cannot be asked wrongly
                    self._try(session, operation.as_strategy(generation_mode=GenerationMode.NEGATIVE), NEGATIVE)

    def _try(self, session: requests.Session, cases: Any, examples: int) -> None:
        @settings(
            max_examples=examples,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=cases, role=st.sampled_from(sorted(self.cookies)))
        def send(case: Any, role: str) -> None:
            session.cookies.clear()
            answer = case.call(self.desk.url, session, cookies=self.cookies[role], allow_redirects=False)
            self.statuses[role, answer.status_code] += 1
            try:
                case.validate_response(answer, checks=CHECKS)
            except (Exception, BaseExceptionGroup) as fault:  # all of them are wanted, not the first
                self.faults.append(f"{case.method} {case.path} as {role}: {_what(fault)}")

        send()


def _what(fault: BaseException) -> str:
    """What a fault consists of."""
    parts = fault.exceptions if isinstance(fault, BaseExceptionGroup) else (fault,)
    return "; ".join(f"{type(part).__name__}: {part}" for part in parts)


@pytest.mark.timeout(400)  # a busy machine
async def test_whatever_is_asked_of_whatever_role_the_answer_is_a_documented_one(desk: WholeDesk) -> None:
    """Issue 5.6: no 500, no undocumented status, no answer of another shape than described."""
    cookies: dict[str, dict[str, str]] = {"nobody": {}}
    for role, person in ROLES.items():
        cookies[role] = {COOKIE: (await desk.session(person))[0]}
    fuzzing = Fuzzing(desk, cookies)
    await asyncio.to_thread(fuzzing.run)
    assert fuzzing.faults == [], "\n".join(fuzzing.faults)
    tried = Counter(role for role, _ in fuzzing.statuses.elements())
    assert set(tried) == {"nobody", *ROLES}
    assert min(tried.values()) > 30
    assert {200, 204, 401, 403, 404, 422} <= {status for _, status in fuzzing.statuses}
