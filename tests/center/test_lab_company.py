"""A lab is off by default, on loopback only, and in a state directory of its own (DC-06)."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from center.demo import make_company
from center.lab.company import LAB_QUEUE
from center.settings import LabSection, Settings, SettingsError, load_settings
from routing.model import Person
from store.store import Store
from telephony.admission import Directory, Trunk
from telephony.digest import Algorithm, ha1
from vocabulary import DeskRole, PersonId

LAB = LabSection(enabled=True, phones=3, password=SecretStr("only-for-the-lab"))


def test_it_is_off_by_default() -> None:
    assert not Settings().lab.enabled


@pytest.mark.parametrize("elsewhere", ['[sip]\naddress = "192.0.2.7"', '[web]\nhost = "0.0.0.0"'])
def test_it_is_refused_beyond_loopback(tmp_path: Path, elsewhere: str) -> None:
    file = tmp_path / "lab.toml"
    file.write_text(f"[lab]\nenabled = true\n{elsewhere}\n")
    with pytest.raises(SettingsError, match="loopback only"):
        load_settings(file)


def test_the_shipped_profile_is_valid() -> None:
    profile = Path(__file__).parents[2] / "sip-lab" / "lab.toml"
    assert load_settings(profile).lab.enabled


def test_anybody_on_the_trunk_may_call_its_numbers_and_nothing_else() -> None:
    trunk = Trunk("lab", ("127.0.0.0/8",), "")
    lab = Directory(trunks=(trunk,), service_numbers=frozenset({"echo"}), open_prefixes=("room-",))
    assert [lab.is_open(called) for called in ("echo", "room-1", "call-lab1", "bring-in+x")] == [
        True,
        True,
        False,
        False,
    ]
    assert not Directory(trunks=(trunk,)).is_open("room-1")


async def test_its_phones_share_the_given_password(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/lab.db", journal_dir=tmp_path)
    try:
        logins = await make_company(store, Settings(state_dir=tmp_path, lab=LAB))
        assert [login.person for login in logins] == ["lab1", "lab2", "lab3"]
        people = await store.directory.people()
        assert all(person.roles == {DeskRole.SPECIALIST} for person in people)
        first = (await store.directory.sip_credentials())[0]
        assert first.ha1_md5 == ha1(first.username, "ringside", "only-for-the-lab", Algorithm.MD5)
        assert [queue.id for queue in await store.directory.queues()] == [LAB_QUEUE.id]
        assert await make_company(store, Settings(state_dir=tmp_path, lab=LAB)) == []
    finally:
        await store.close()


async def test_another_company_does_not_become_a_lab(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/demo.db", journal_dir=tmp_path)
    try:
        await store.directory.save_person(Person(PersonId("eva"), "Eva", "", frozenset({DeskRole.SPECIALIST})))
        with pytest.raises(SettingsError, match="holds another company"):
            await make_company(store, Settings(state_dir=tmp_path, lab=LAB))
    finally:
        await store.close()
