"""Settings: defaults, then the file, then the environment; wrong ones are told in one sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from center.settings import Settings, SettingsError, load_settings


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of this machine, and no file in the working directory."""
    for name in [name for name in os.environ if name.startswith("RINGSIDE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def a_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "node.toml"
    path.write_text(text)
    return path


def refusal(path: Path | None = None, **overrides: object) -> str:
    with pytest.raises(SettingsError) as refused:
        load_settings(path, **overrides)
    return str(refused.value)


def test_without_anything_the_defaults_hold_and_stay_on_loopback() -> None:
    settings = load_settings()
    assert (settings.web.host, settings.sip.address, settings.presence.host) == ("127.0.0.1", "127.0.0.1", None)
    assert settings.store_url.startswith("sqlite")


def test_the_file_beats_the_defaults(tmp_path: Path) -> None:
    settings = load_settings(a_file(tmp_path, 'company = "Lighthouse"\n[web]\nport = 9000\n'))
    assert (settings.company, settings.web.port, settings.web.host) == ("Lighthouse", 9000, "127.0.0.1")


def test_the_environment_beats_the_file_field_by_field(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGSIDE_WEB__PORT", "9001")
    settings = load_settings(a_file(tmp_path, '[web]\nport = 9000\nhost = "127.0.0.2"\n'))
    assert (settings.web.port, settings.web.host) == (9001, "127.0.0.2")


def test_flags_of_the_command_line_beat_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGSIDE_COMPANY", "From the environment")
    assert load_settings(company="From the flag").company == "From the flag"


def test_a_ringside_toml_in_the_working_directory_is_used(tmp_path: Path) -> None:
    (tmp_path / "ringside.toml").write_text('company = "Lighthouse"\n')
    assert load_settings().company == "Lighthouse"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[web]\nprot = 9000\n", "web.prot"),
        ("colour = 1\n", "colour"),
        ("[web]\nport = 99999\n", "web.port"),
        ('[sip]\nrealm = "two words"\n', "sip.realm"),
        ("[escalation]\nring_s = 0\n", "escalation.ring_s"),
        ('[web]\nport = "eighty"\n', "web.port"),
        ("web = 3\n", "web"),
        ('[web]\ntrusted_proxies = ["proxy.example.com"]\n', "trusted_proxies"),
        ('[oidc]\nissuer = "http://login.example.com"\n', "oidc.issuer"),
        ('[oidc]\nissuer = "https://login.example.com"\n', "client_id"),
        ('[webhook]\nurl = "https://crm.example.com/hook"\n', "RINGSIDE_WEBHOOK__SECRET"),
        ('[webhook]\nevents = ["everything"]\n', "webhook.events"),
        ('[phone_book]\nurl = "https://crm.example.com/who"\n', "phone_book.url"),
    ],
)
def test_an_unknown_name_or_a_wrong_value_is_named(tmp_path: Path, text: str, told: str) -> None:
    assert told in refusal(a_file(tmp_path, text))


def test_a_wrong_value_in_the_environment_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGSIDE_SIP__MAX_LEGS", "100000")
    assert "sip.max_legs" in refusal()


@pytest.mark.parametrize(
    ("text", "variable"),
    [
        ('[store]\nurl = "postgresql://ringside:hunter2@db/ringside"\n', "RINGSIDE_STORE__URL"),
        ('[presence]\npassword = "hunter2"\n', "RINGSIDE_PRESENCE__PASSWORD"),
        ('[oidc]\nsecret = "hunter2"\n', "RINGSIDE_OIDC__SECRET"),
        ('[webhook]\nsecret = "hunter2"\n', "RINGSIDE_WEBHOOK__SECRET"),
    ],
)
def test_a_secret_in_the_file_is_refused_with_the_variable_to_use(tmp_path: Path, text: str, variable: str) -> None:
    told = refusal(a_file(tmp_path, text))
    assert variable in told
    assert "hunter2" not in told


def test_a_section_that_is_no_table_is_refused_in_words(tmp_path: Path) -> None:
    assert "store" in refusal(a_file(tmp_path, "store = 5\n"))


def test_a_secret_of_the_environment_is_used_and_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGSIDE_STORE__URL", "postgresql://ringside:hunter2@db/ringside")
    settings = load_settings()
    assert settings.store_url == "postgresql://ringside:hunter2@db/ringside"
    assert "hunter2" not in f"{settings!r} {settings}"


def test_a_file_that_was_asked_for_and_is_not_there_is_an_error(tmp_path: Path) -> None:
    assert "absent.toml" in refusal(tmp_path / "absent.toml")


def test_a_file_that_is_no_toml_is_an_error(tmp_path: Path) -> None:
    assert "not valid TOML" in refusal(a_file(tmp_path, "[web\n"))


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_bytes(b'company = "\xff"\n')
    assert "not valid TOML" in refusal(path)


def test_cheap_passwords_are_refused_unless_the_desk_is_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGSIDE_WEB__PASSWORD_COST", "low")
    assert load_settings().web.password_cost == "low"
    monkeypatch.setenv("RINGSIDE_WEB__HOST", "192.0.2.1")
    assert "password_cost" in refusal()


def test_the_escalation_limits_reach_the_machine() -> None:
    timing = Settings(escalation={"screen_cap_s": 0.25, "ring_s": 5, "accept_s": 6}).escalation.timing()  # type: ignore[arg-type]
    assert (timing.screen_cap_s, timing.ring_s, timing.accept_s) == (0.25, 5, 6)
