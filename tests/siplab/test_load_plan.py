"""Load plans: clear messages with line numbers, hard limits, and the same calls for the same seed (DC-06, OR-24)."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from siplab.errors import BadInput
from siplab.load.arrivals import planned_calls
from siplab.load.customers import caller_number
from siplab.load.example import EXAMPLE
from siplab.load.plan import Plan, schema
from siplab.load.plan_file import parse_plan, read_plan
from siplab.load.preflight import Machine, check_machine, check_programs
from siplab.load.system import Wanted, check_wanted, company_for
from siplab.load.target import parse_target

PUBLISHED_SCHEMA = Path(__file__).parents[2] / "sip-lab" / "scenarios" / "load-plan.schema.json"
HEAD = 'name = "x"\n'
BIG = Machine(cores=64, open_files=1_000_000, ports=60_000, memory_mib=100_000)
POISSON = '[arrivals]\nkind = "poisson"\nrate_per_s = 10\n'


def given_plan(text: str = "", arrivals: str = POISSON) -> Plan:
    return parse_plan(HEAD + arrivals + text, "plan.toml")


def test_example_is_a_good_plan_and_names_every_table() -> None:
    plan = parse_plan(EXAMPLE, "example")
    assert set(tomllib.loads(EXAMPLE)) == set(Plan.model_fields)
    assert planned_calls(plan, Path())


@pytest.mark.parametrize("file", sorted(PUBLISHED_SCHEMA.parent.glob("*.toml")), ids=lambda file: file.name)
def test_published_plans_are_good_and_bring_calls(file: Path) -> None:
    plan = read_plan(file)
    calls = planned_calls(plan, file.parent)
    assert calls
    assert any(call.escalates for call in calls) == (plan.escalations is not None)
    check_machine(plan, BIG)


def test_kinds_weather_and_escalations_come_in_their_shares() -> None:
    """Issue 6: a mixed share of codecs and transports, a share that escalates."""
    mix = "[[customers.mix]]\npart = 3\n[[customers.mix]]\npart = 1\ncodec = 'PCMA'\ntransport = 'tls'\nsrtp = true\n"
    people = "[agents]\ncount = 1\n[specialists]\ncount = 1\n[escalations]\npercent = 30\n"
    plan = given_plan(f"[run]\nduration_s = 400\nmax_calls = 4000\n{mix}{people}[network]\ncalls_percent = 50\n")
    calls = planned_calls(plan, Path())
    share = {
        "plain": sum(call.kind.label == "PCMU udp" for call in calls) / len(calls),
        "escalating": sum(call.escalates for call in calls) / len(calls),
        "rainy": sum(call.weather for call in calls) / len(calls),
    }
    assert share == pytest.approx({"plain": 0.75, "escalating": 0.3, "rainy": 0.375}, abs=0.03)
    assert not any(call.weather and call.kind.srtp for call in calls)


def test_calls_keep_their_traits_when_the_plan_lasts_longer() -> None:
    traits = "[run]\nduration_s = {}\n[[customers.mix]]\npart = 1\n[[customers.mix]]\npart = 1\ncodec = 'opus'\n"
    short, long = (planned_calls(given_plan(traits.format(seconds)), Path()) for seconds in (5, 10))
    assert long[: len(short)] == short


def test_customers_are_told_apart_by_their_numbers() -> None:
    plan = given_plan()
    assert caller_number(plan, 7) == "+38591555100007"
    assert caller_number(plan, 100_007) == caller_number(plan, 7)


def test_published_schema_is_the_one_the_program_checks_by() -> None:
    assert json.loads(PUBLISHED_SCHEMA.read_text()) == schema()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name = \n[x]", "plan.toml: not valid TOML: Invalid value (at line 1, column 8)"),
        (HEAD, "line 1: arrivals: is missing"),
        (HEAD + POISSON + "\n[run]\nmax_cals = 3\n", "line 7: run.max_cals: there is no such key"),
        (
            HEAD + "[arrivals]\nkind = 'poisson'\nrate_per_s = -1\n",
            "line 4: arrivals.rate_per_s: input should be greater",
        ),
        (HEAD + "[arrivals]\nrate_per_s = 1\n", "line 2: arrivals: needs `kind`"),
        (HEAD + "[arrivals]\nkind = 'tide'\n", "line 2: arrivals: kind must be one of 'constant', 'poisson'"),
        (HEAD + POISSON + "[customers]\nnumber = 'a b'\n", "line 6: customers.number: string should match"),
        (
            HEAD + "[arrivals]\nkind = 'burst'\nrate_per_s = 1\nat_s = 99\nfor_s = 1\n",
            "line 5: arrivals.at_s: arrivals.at_s lies after the end of the run",
        ),
        (HEAD + POISSON + "[[customers.mix]]\npart = 1\n[[customers.mix]]\npart = 0\n", "line 8: customers.mix.1.part"),
        (HEAD + POISSON + "[escalations]\n", "line 5: escalations: [escalations] needs [agents] and [specialists]"),
        (HEAD + POISSON + "[agents]\ncount = 2\nsipp = 3\n", "line 7: agents.sipp: agents.sipp is more than"),
        (HEAD + POISSON + "[presence]\n", "line 5: presence: [presence] needs [specialists]"),
        (
            HEAD + POISSON + "[specialists]\ncount = 1\n[specialists.mix]\nanswers = 0\n",
            "line 7: specialists.mix: at least one part",
        ),
        (
            HEAD + POISSON + "[specialists]\ncount = 1\nanswers_after = { kind = 'fixed', mean_s = 0 }\n",
            "line 7: specialists.answers_after.mean_s: input should be greater than 0",
        ),
    ],
)
def test_wrong_plan_is_explained_with_its_line(text: str, says: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_plan(text, "plan.toml")
    assert says in str(refused.value)


def test_all_problems_are_told_at_once_in_order_of_lines() -> None:
    with pytest.raises(BadInput) as refused:
        given_plan("[run]\nworkers = 0\n[audio]\nhears = 'all'\n")
    lines = str(refused.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["plan.toml, line 6", "plan.toml, line 8"]


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere\.toml: No such file"):
        read_plan(tmp_path / "nowhere.toml")


def test_same_seed_gives_the_same_calls_and_another_seed_others() -> None:
    first, second = given_plan(), given_plan()
    other = parse_plan("seed = 2\n" + HEAD + POISSON, "x")
    assert planned_calls(first, Path()) == planned_calls(second, Path())
    assert planned_calls(first, Path()) != planned_calls(other, Path())


@pytest.mark.parametrize(
    "arrivals",
    [
        POISSON,
        '[arrivals]\nkind = "constant"\nrate_per_s = 100\n',
        '[arrivals]\nkind = "morning_peak"\npeak_per_s = 100\n',
        '[arrivals]\nkind = "burst"\nrate_per_s = 50\nat_s = 5\nfor_s = 20\n',
    ],
)
def test_hard_limits_hold_for_every_kind_of_arrivals(arrivals: str) -> None:
    """Issue 6: a run has a hard end, a cap on calls per second and in total."""
    calls = planned_calls(
        given_plan("[run]\nduration_s = 30\nmax_calls = 200\nmax_calls_per_s = 8\n", arrivals), Path()
    )
    assert 0 < len(calls) <= 200
    assert calls[-1].at_s <= 30
    distances = [later.at_s - earlier.at_s for earlier, later in pairwise(calls)]
    assert min(distances) >= 1 / 8 - 1e-9


def test_poisson_calls_come_at_about_their_rate() -> None:
    calls = planned_calls(given_plan("[run]\nduration_s = 1000\nmax_calls = 100000\nmax_calls_per_s = 500\n"), Path())
    assert len(calls) == pytest.approx(10_000, rel=0.05)


def test_burst_brings_three_times_as_many() -> None:
    text = '[arrivals]\nkind = "burst"\nrate_per_s = 10\nfactor = 3\nat_s = 400\nfor_s = 200\n'
    calls = planned_calls(
        given_plan("[run]\nduration_s = 1000\nmax_calls = 100000\nmax_calls_per_s = 500\n", text), Path()
    )
    inside = sum(400 <= call.at_s < 600 for call in calls) / 200
    outside = sum(not 400 <= call.at_s < 600 for call in calls) / 800
    assert inside / outside == pytest.approx(3, rel=0.1)


def test_morning_peak_rises_and_falls() -> None:
    text = '[arrivals]\nkind = "morning_peak"\npeak_per_s = 20\n'
    calls = planned_calls(
        given_plan("[run]\nduration_s = 900\nmax_calls = 100000\nmax_calls_per_s = 500\n", text), Path()
    )
    per_third = [sum(n * 300 <= call.at_s < (n + 1) * 300 for call in calls) for n in range(3)]
    at_peak = sum(250 <= call.at_s < 350 for call in calls) / 100
    assert at_peak == pytest.approx(20, rel=0.15)
    assert per_third[2] < per_third[0]


@pytest.mark.parametrize("kind", ["exponential", "lognormal"])
def test_talk_times_have_their_mean(kind: str) -> None:
    limits = "[run]\nduration_s = 1000\nmax_calls = 100000\nmax_calls_per_s = 500\n"
    calls = planned_calls(given_plan(limits + f'[talk]\nkind = "{kind}"\nmean_s = 20\n'), Path())
    assert sum(call.talk_s for call in calls) / len(calls) == pytest.approx(20, rel=0.05)


def test_calls_are_replayed_from_a_file_in_order_of_time(tmp_path: Path) -> None:
    (tmp_path / "calls.csv").write_text("at_s,talk_s\n3,5\n1,2.5\n")
    plan = given_plan(arrivals='[arrivals]\nkind = "replay"\nfile = "calls.csv"\n')
    assert [(call.at_s, call.talk_s) for call in planned_calls(plan, tmp_path)] == [(1.0, 2.5), (3.0, 5.0)]


@pytest.mark.parametrize("rows", ["at_s\n1\n", "at_s,talk_s\none,2\n", "at_s,talk_s\n-1,2\n", "at_s,talk_s\nnan,2\n"])
def test_wrong_line_of_a_replay_file_is_named(tmp_path: Path, rows: str) -> None:
    (tmp_path / "calls.csv").write_text(rows)
    plan = given_plan(arrivals='[arrivals]\nkind = "replay"\nfile = "calls.csv"\n')
    with pytest.raises(BadInput, match=r"calls\.csv, line 2"):
        planned_calls(plan, tmp_path)


def test_targets_on_this_machine_and_in_private_networks_are_allowed() -> None:
    assert parse_target("sip:127.0.0.1", "udp", False).uri == "sip:127.0.0.1:5060;transport=udp"
    assert parse_target("sip:10.1.2.3:5080;transport=tcp", "udp", False).transport == "tcp"
    assert parse_target("sip:[::1]:5060", "tls", False).uri == "sip:[::1]:5060;transport=tls"


def test_foreign_target_needs_an_express_word() -> None:
    """Issue 6: load is refused for who does not expect it."""
    with pytest.raises(BadInput, match="--i-own-this-target"):
        parse_target("sip:8.8.8.8", "udp", False)
    assert parse_target("sip:8.8.8.8", "udp", True).host == "8.8.8.8"


@pytest.mark.parametrize("text", ["127.0.0.1", "sip:user@127.0.0.1", "sip:127.0.0.1:99999", "http://127.0.0.1"])
def test_target_that_is_none_is_explained(text: str) -> None:
    with pytest.raises(BadInput, match="--target"):
        parse_target(text, "udp", False)


@pytest.mark.parametrize(
    ("machine", "limits", "says"),
    [
        (replace(BIG, cores=2), "max_concurrent = 1300", "too much for 2 cores (600 calls each); use at most 1200"),
        (replace(BIG, open_files=1_000), "max_concurrent = 600\nworkers = 2", "needs 1300 open files each, 1000 are"),
        (replace(BIG, ports=500), "max_concurrent = 300", "too much for 500 free UDP ports; use at most 250"),
        (replace(BIG, memory_mib=90), "max_concurrent = 300", "too much for 90 MiB of free memory; use at most 120"),
    ],
)
def test_more_calls_than_the_machine_carries_are_refused_with_what_to_change(
    machine: Machine, limits: str, says: str
) -> None:
    """Issue 6: too many legs for the machine is told before the run starts."""
    with pytest.raises(BadInput) as refused:
        check_machine(given_plan(f"[run]\n{limits}\n"), machine)
    assert says in str(refused.value)


def test_costly_codecs_and_weather_count_in_the_estimate() -> None:
    limits = "[run]\nmax_concurrent = 300\nworkers = 3\n"
    with pytest.raises(BadInput, match="too much for 1 cores"):
        check_machine(given_plan(limits + "[customers]\ncodec = 'opus'\n"), replace(BIG, cores=1))
    with pytest.raises(BadInput, match=r"run\.workers = 1 is too few"):
        check_machine(given_plan("[run]\nmax_concurrent = 300\n[network]\n"), BIG)


def test_missing_sipp_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 6: missing SIPp is told before the run starts."""
    monkeypatch.setenv("PATH", "/nowhere")
    check_programs(given_plan("[agents]\ncount = 2\n"))
    with pytest.raises(BadInput, match="apt install sip-tester"):
        check_programs(given_plan("[agents]\ncount = 2\nsipp = 1\n"))


def given_logins(folder: Path) -> Path:
    person = {"person": "eva", "name": "Eva", "roles": ["agent"], "web_password": "w", "phone_password": "p"}
    file = folder / "logins.json"
    file.write_text(json.dumps({"logins": [person]}))
    return file


def test_people_need_desks_of_ours(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="use --target self"):
        check_wanted(Wanted("sip:127.0.0.1:5060"), given_plan("[agents]\ncount = 2\n"))
    with pytest.raises(BadInput, match=r"presence\.people are made in a node of our own"):
        check_wanted(
            Wanted("http://127.0.0.1:8080", logins=given_logins(tmp_path)), given_plan("[presence]\npeople = 2\n")
        )


def test_company_fits_the_plan() -> None:
    people = "[agents]\ncount = 3\n[specialists]\ncount = 2\nlifting_accepts = false\n[presence]\npeople = 4\n"
    company = company_for(given_plan(people))
    assert [each.role for each in company.people] == ["supervisor", *["agent"] * 3, *["specialist"] * 6]
    assert [each.trusted for each in company.people if each.person.startswith("expert")] == [False, False]
