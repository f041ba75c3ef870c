"""The benchmark's arithmetic, its registration flood, and its processes on a small scale."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console
from siplab.bench import hearing_rows
from siplab.bench.core_rows import measure_leases
from siplab.bench.curve import points_of
from siplab.bench.leg_rows import CURVE
from siplab.bench.measure import CpuMeter, Figure, cpu_seconds, percentile, resident_mib
from siplab.bench.page import BEGIN, END, picture_of, write_page
from siplab.bench.peer import Peer, peer_of
from siplab.bench.pinning import pin_system, pinned, pinning_of
from siplab.bench.register import register_flood
from siplab.bench.rig import given_load, given_switch, ramp
from siplab.bench.rows import BUDGETS, ROWS
from siplab.bench.run import as_json, chosen_rows, figures_of, run_rows
from siplab.errors import BadInput, LabError
from siplab.patience import WAIT_S


def test_percentile_is_the_nearest_rank() -> None:
    values = [float(n) for n in range(1, 101)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1.0)) == (50.0, 99.0, 100.0)
    assert percentile([7.0], 0.99) == 7.0
    assert percentile([], 0.5) != percentile([], 0.5)


def test_figure_keeps_its_budget_by_the_median() -> None:
    """Design section 10: medians of runs against the budget, with the spread beside."""
    slow = Figure("r", "n", "ms", (1.0, 9.0, 2.0), "<= 2", 2.0)
    assert (slow.median, slow.within, slow.spread) == (2.0, True, "1 .. 9")
    assert Figure("r", "n", "calls/s", (299.0,), ">= 300", 300.0, at_least=True).within is False
    assert Figure("r", "n", "ms", (1.0,)).within is None


def test_every_row_has_budgets_and_an_unknown_row_is_refused() -> None:
    assert set(BUDGETS) == set(ROWS)
    assert chosen_rows(" legs, setup ") == ("legs", "setup")
    assert chosen_rows("") == tuple(ROWS)
    with pytest.raises(BadInput, match="there is no row speed"):
        chosen_rows("legs,speed")


def test_figures_keep_all_runs_in_the_order_of_the_budgets() -> None:
    runs = [{name: float(n) for name in BUDGETS["setup"]} for n in (1, 2, 3)]
    figures = figures_of("setup", runs)
    assert [figure.name for figure in figures] == list(BUDGETS["setup"])
    assert as_json(figures, {}, 3)["rows"][0]["runs"] == [1.0, 2.0, 3.0]


def test_figure_that_could_not_be_measured_is_left_out() -> None:
    run = {name: 1.0 for name in BUDGETS["leases"] if name.startswith("SQLite")}
    assert [figure.name for figure in figures_of("leases", [run])] == list(run)


def test_peer_stands_beside_what_it_was_measured_by() -> None:
    run = dict.fromkeys(BUDGETS["setup"], 1.0)
    figures = figures_of("setup", [run], [{"failed": 3.0}, {"failed": 5.0}])
    assert {figure.name: figure.peer for figure in figures if figure.peer is not None} == {"failed": 4.0}


FACTS = {"cores": 2, "processor": "P", "memory_gib": 4, "system": "S", "python": "3", "load_1m": 1.0}
FIGURES = (
    Figure("r", "fast", "ms", (1.0,), "<= 4", 4.0),
    Figure("r", "slow", "calls/s", (50.0,), ">= 100", 100.0, at_least=True),
    Figure("r", "free", "ms", (7.0,)),
)


def test_page_keeps_what_is_written_around_the_numbers(tmp_path: Path) -> None:
    """Issue 6, item 5: JSON, a Markdown table and a chart."""
    page = tmp_path / "performance.md"
    page.write_text(f"# Before\n{BEGIN}\nold\n{END}\n## After\n")
    write_page(page, FIGURES, FACTS, 3, (1.0, 9.5), "2026-01-02")
    text = page.read_text()
    assert text.startswith("# Before\n")
    assert text.endswith(f"{END}\n## After\n")
    assert "| r | slow | 50 | 50 .. 50 | calls/s | >= 100 | **over** |" in text
    assert "1.0 to 9.5" in text
    assert "old" not in text
    assert (tmp_path / "img" / "performance.svg").exists()


def test_peer_has_a_number_or_an_honest_blank(tmp_path: Path) -> None:
    """Issue 6, item 5: the peer's column is filled where a foreign server can be measured."""
    figures = (replace(FIGURES[0], peer=2.5), FIGURES[1])
    write_page(tmp_path / "performance.md", figures, FACTS, 3, (), "2026-01-02")
    text = (tmp_path / "performance.md").read_text()
    assert "| ok | 2.5 |" in text
    assert "| **over** | n/a |" in text
    assert peer_of("", 0) is None
    assert peer_of("127.0.0.1:5080", os.getpid()) == Peer("127.0.0.1:5080", os.getpid())
    for pid, reason in ((1, "needs --peer"), (2**30, "no process")):
        with pytest.raises(BadInput, match=reason):
            peer_of("" if pid == 1 else "127.0.0.1:5080", pid)


def test_cores_are_pinned_and_told(tmp_path: Path) -> None:
    """Issue 6, item 5: the system under test on one core, the load on the others; a single core is said to be one."""
    assert str(pinning_of({3, 1, 2})) == "the system under test on core 1, load on cores 2, 3"
    assert "one core" in str(pinning_of({0}))
    before = os.sched_getaffinity(0)
    with pinned() as pinning:
        assert os.sched_getaffinity(0) == set(pinning.load)
        assert as_json((), {}, 3)["pinning"]["text"] == str(pinning)
        pin_system(os.getpid())
        assert os.sched_getaffinity(0) == (before if pinning.system is None else {pinning.system})
    assert os.sched_getaffinity(0) == before
    pin_system(os.getpid())
    assert os.sched_getaffinity(0) == before, "nothing is pinned outside"
    write_page(tmp_path / "performance.md", (replace(FIGURES[0], row="legs"),), FACTS, 3, (), "2026-01-02")
    assert f"Pinned cores: {pinning}; in the rows legs." in (tmp_path / "performance.md").read_text()


def test_curve_shows_every_number_of_legs_that_was_reached(tmp_path: Path) -> None:
    """Issue 6, item 5: CPU per leg against the number of legs."""
    curve = [Figure("legs", CURVE.format(legs), "% core", (0.1, 0.08), "<= 0.12", 0.12) for legs in (300, 30)]
    assert [legs for legs, _ in points_of((*curve, *FIGURES))] == [30, 300]
    write_page(tmp_path / "performance.md", curve, FACTS, 3, (), "2026-01-02")
    picture = ElementTree.fromstring((tmp_path / "img" / "performance-legs.svg").read_text())
    texts = {element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")}
    assert {"30", "300", "0.09", "<= 0.12"} <= texts
    assert "img/performance-legs.svg" in (tmp_path / "performance.md").read_text()


def test_page_without_its_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("# Mine")
    with pytest.raises(BadInput, match="bench:begin"):
        write_page(page, FIGURES, FACTS, 3, (), "2026-01-02")
    assert page.read_text() == "# Mine"


def test_picture_shows_the_share_of_each_budget() -> None:
    picture = ElementTree.fromstring(picture_of(FIGURES))
    texts = [element.text or "" for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert any("25% of <= 4" in text for text in texts)
    assert any("200% of >= 100" in text for text in texts)
    assert "free" not in texts


@pytest.mark.loopback
async def test_leases_are_timed_on_sqlite_at_least() -> None:
    figures = await measure_leases()
    assert {name for name in BUDGETS["leases"] if name.startswith("SQLite")} <= set(figures) <= set(BUDGETS["leases"])
    assert figures["SQLite acquire p50"] > 0


async def test_failed_row_stops_no_other_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken() -> dict[str, float]:
        raise LabError("no ports left")

    async def fine() -> dict[str, float]:
        return dict.fromkeys(BUDGETS["invite"], 1.0)

    monkeypatch.setitem(ROWS, "setup", broken)
    monkeypatch.setitem(ROWS, "invite", fine)
    figures, failures = await run_rows(("setup", "invite"), 2, Console(quiet=True))
    assert failures == {"setup": "no ports left"}
    assert {figure.row for figure in figures} == {"invite"}


def test_cpu_of_a_process_is_read_from_proc() -> None:
    meter = CpuMeter(os.getpid())
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass
    assert 0.05 <= meter.used_s() <= cpu_seconds(os.getpid())
    assert meter.percent() > 0
    assert resident_mib(os.getpid()) > 5


class SmallRegistrar(threading.Thread):
    """Answers REGISTER with a SHA-256 challenge and checks the response; loses every `lose`-th datagram."""

    def __init__(self, passwords: dict[str, str], lose: int = 0) -> None:
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self._passwords = passwords
        self._lose = lose
        self._taken = 0

    def run(self) -> None:
        while True:
            try:
                request, sender = self.socket.recvfrom(8192)
                self._taken += 1
                if not self._lose or self._taken % self._lose:
                    self.socket.sendto(self._answer(request.decode()).encode(), sender)
            except OSError:
                return  # the test has closed the socket

    def _answer(self, request: str) -> str:
        same = "".join(re.findall(r"(?:Call-ID|CSeq): .*\r\n", request))
        if "Authorization" not in request:
            challenge = 'WWW-Authenticate: Digest realm="r", qop="auth", nonce="n1", algorithm=SHA-256\r\n'
            return f"SIP/2.0 401 Unauthorized\r\n{same}{challenge}\r\n"
        given = dict(re.findall(r'(\w+)="?([^",\r]+)"?', request.partition("Authorization: Digest ")[2]))
        secret = _sha(f"{given['username']}:r:{self._passwords[given['username']]}")
        right = _sha(f"{secret}:n1:{given['nc']}:{given['cnonce']}:auth:{_sha('REGISTER:' + given['uri'])}")
        return f"SIP/2.0 {'200 OK' if given['response'] == right else '403 Forbidden'}\r\n{same}\r\n"


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.loopback
@pytest.mark.parametrize("lose", [0, 7])
def test_flood_counts_finished_registrations_and_survives_loss(lose: int) -> None:
    """RFC 7616: the response is computed as a registrar checks it. Eight phones that never ask again would all be
    stuck after 56 datagrams, which are 28 registrations at most."""
    people = {f"u{n}": f"secret{n}" for n in range(8)}
    registrar = SmallRegistrar(people, lose)
    registrar.start()
    outcome = register_flood("127.0.0.1", registrar.port, people, WAIT_S, most=40)
    registrar.socket.close()
    assert outcome.done >= 40
    assert outcome.refused == 0


@pytest.mark.loopback
def test_flood_counts_wrong_passwords_as_refused() -> None:
    registrar = SmallRegistrar({"u": "right"})
    registrar.start()
    outcome = register_flood("127.0.0.1", registrar.port, {"u": "wrong"}, WAIT_S, most=3)
    registrar.socket.close()
    assert outcome.done == 0
    assert outcome.refused >= 3


@pytest.mark.loopback
@pytest.mark.native
async def test_sound_of_a_fetched_specialist_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Design section 10: from the trigger until all three hear each other."""
    monkeypatch.setattr(hearing_rows, "TIMES", 2)
    figures = await hearing_rows.measure_hearing()
    assert set(figures) == set(BUDGETS["hear"])
    assert all(delay > 0 for delay in figures.values())


@pytest.mark.loopback
@pytest.mark.native
async def test_callers_are_mixed_three_by_three_without_loss() -> None:
    """DC-06: the load simulator on a small scale, nine callers in three conferences."""
    async with given_switch() as switch, given_load(switch) as load:
        await ramp(load, 9)
        async with asyncio.timeout(WAIT_S):
            conferences = received = 0
            while conferences < 3 or not received:  # the switch learns by the ACK that a caller is there
                at = time.monotonic()
                switch.send("stats")
                load.send("report")
                stats, heard = await switch.wait_for("stats", since=at), await load.wait_for("report", since=at)
                conferences, received = stats.data["conferences"], heard.data["received"]
        assert conferences == 3
        assert heard.data["calls"] == 9
        assert heard.data["lost"] == 0
