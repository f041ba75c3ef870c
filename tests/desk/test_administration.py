"""The routes of the administrator's page over a real centre and store: who may, what comes back, what is said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from desk.app import STATIC_DIR
from tests.center.administration.office import tone
from tests.center.stage import BEN, OLGA, SARA
from tests.desk_web.office import PASSWORD, ServedOffice, serving_office

pytestmark = pytest.mark.loopback

JSON = {"Content-Type": "application/json"}
WAV = {"Content-Type": "audio/wav"}


@pytest.fixture(scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServedOffice]:
    async with serving_office(tmp_path_factory.mktemp("office"), STATIC_DIR) as running:
        yield running


@asynccontextmanager
async def a_client(served: ServedOffice, person: str | None) -> AsyncIterator[httpx2.AsyncClient]:
    """An HTTP client with a session of this person, or with none."""
    async with httpx2.AsyncClient(base_url=served.url, timeout=20) as client:
        if person is not None:
            answer = await client.post("/api/login", json={"person": person, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
        yield client


@pytest.fixture
async def olga(served: ServedOffice) -> AsyncIterator[httpx2.AsyncClient]:
    async with a_client(served, OLGA) as client:
        yield client


BODIES: dict[str, Any] = {
    "people": {"name": "N", "roles": ["agent"]},
    "skills": {"name": "N"},
    "queues": {"name": "N", "number": "5999", "skill": "claims", "template": "claims"},
    "numbers": {"queue": "claims"},
    "templates": {"name": "N", "fields": []},
    "trunks": {"addresses": []},
    "settings": {"value": 1},
}


async def test_the_page_is_for_administrators_and_every_route_says_what_it_does(
    served: ServedOffice, olga: httpx2.AsyncClient
) -> None:
    """Each route with each role is tried by test_roles.py; here: a supervisor changes nothing, and the description."""
    async with a_client(served, SARA) as sara:
        refused = await sara.put("/api/admin/queues/claims", json={"version": 0, "content": BODIES["queues"]})
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_an_administrator")
    assert (await olga.get("/api/admin/changes")).json() == []
    paths = (await olga.get("/api/openapi.json")).json()["paths"]
    ours = [each for path, methods in paths.items() if path.startswith("/api/admin") for each in methods.values()]
    assert len(ours) >= 34
    assert len({each["operationId"] for each in ours}) == len(ours)
    assert all(each["summary"] for each in ours)


async def test_a_thing_is_made_changed_removed_and_put_back(olga: httpx2.AsyncClient) -> None:
    made = await olga.post("/api/admin/skills", json={"id": "sails", "content": {"name": " Sails "}, "note": "Boats"})
    assert made.status_code == 201
    number = made.json()["change"]["id"]
    shown = (await olga.get("/api/admin/skills/sails")).json()
    assert (shown["version"], shown["content"]["name"], shown["changed"]["by_name"]) == (number, "Sails", "Olga Marin")
    twice = await olga.post("/api/admin/skills", json={"id": "sails", "content": {"name": "Sails"}})
    assert (twice.status_code, twice.json()["error"]["code"], twice.json()["error"]["field"]) == (409, "exists", "id")

    body = {"version": number, "content": {"name": "Sailing"}}
    assert (await olga.put("/api/admin/skills/sails", json=body)).status_code == 200
    stale = await olga.put("/api/admin/skills/sails", json=body)
    assert stale.status_code == 409
    assert stale.json()["error"]["details"]["values"]["by"] == OLGA

    removed = await olga.delete(f"/api/admin/skills/sails?version={number + 1}&note=away", headers=JSON)
    assert removed.status_code == 200
    assert (await olga.get("/api/admin/skills/sails")).status_code == 404
    back = await olga.post(f"/api/admin/changes/{number + 2}/undo", json={"note": "no"})
    assert back.json()["change"]["undoes"] == number + 2
    again = await olga.post(f"/api/admin/changes/{number + 2}/undo", json={})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "changed_since")
    log = (await olga.get("/api/admin/changes?kind=skills&subject=sails&limit=2")).json()
    assert [each["note"] for each in log] == ["no", "away"]
    more = (await olga.get(f"/api/admin/changes?kind=skills&before={log[-1]['id']}")).json()
    assert [each["after"] for each in more] == [
        {"name": "Sailing", "description": ""},
        {"name": "Sails", "description": ""},
    ]
    assert (await olga.post("/api/admin/changes/9999/undo", json={})).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("skills", {"id": "x", "content": {"name": "X", "level": 1}}, "content.level"),
        ("queues", {"id": "x", "content": {**BODIES["queues"], "least_level": "one"}}, "content.least_level"),
        ("queues", {"id": "x", "content": {**BODIES["queues"], "number": "5001"}}, "number"),
        ("people", {"id": "ben.carter", "content": {"name": "B", "roles": ["king"]}}, "content.roles"),
        ("templates", {"id": "x", "content": {"name": "X", "fields": [{"key": "A b", "label": "A"}]}}, "fields.0.key"),
        ("trunks", {"id": "x", "content": {"addresses": ["nowhere"]}}, "addresses"),
        ("numbers", {"id": "x" * 80, "content": {"queue": "claims"}}, "id"),
    ],
)
async def test_a_refusal_names_the_field(olga: httpx2.AsyncClient, path: str, body: Any, field: str) -> None:
    answer = await olga.post(f"/api/admin/{path}", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == field


async def test_a_removed_person_is_logged_out_at_once(served: ServedOffice, olga: httpx2.AsyncClient) -> None:
    async with a_client(served, BEN) as ben:
        assert (await ben.get("/api/me")).status_code == 200
        version = (await olga.get(f"/api/admin/people/{BEN}")).json()["version"]
        gone = await olga.delete(f"/api/admin/people/{BEN}?version={version}", headers=JSON)
        assert (await ben.get("/api/me")).status_code == 401
        back = await olga.post(f"/api/admin/changes/{gone.json()['change']['id']}/undo", json={})
        assert len(back.json()["access"]["web_password"]) == 19
        assert (await ben.get("/api/me")).status_code == 401, "the old session stays ended"
    assert "password" not in (await olga.get("/api/admin/changes")).text
    assert "hash" not in (await olga.get(f"/api/admin/people/{BEN}")).text


@pytest.mark.parametrize(
    ("recording", "status", "code"),
    [
        (b"RIFF, but no", 422, "not_a_wav"),
        (b"", 422, "not_a_wav"),
        (tone(0.05), 422, "recording_length"),
        (tone(0.2, 4_000), 422, "wav_form"),
        (b"\0" * (5 * 1024 * 1024 + 1), 413, "body_too_large"),
    ],
)
async def test_what_is_no_recording_is_refused(
    olga: httpx2.AsyncClient, recording: bytes, status: int, code: str
) -> None:
    answer = await olga.put("/api/admin/prompts/greeting/audio", content=recording, headers=WAV)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("rate_hz", "channels", "width"), [(8_000, 1, 1), (16_000, 2, 2), (44_100, 1, 3), (48_000, 2, 4)]
)
async def test_every_usual_wav_becomes_a_telephone_recording(
    olga: httpx2.AsyncClient, rate_hz: int, channels: int, width: int
) -> None:
    """8 kHz, 16 bit, mono, of the same length; its tone keeps pitch and loudness."""
    import io
    import wave

    import numpy as np

    version = (await olga.get("/api/admin/prompts/one-moment")).json()["version"]
    upload = tone(0.5, rate_hz, channels, width)
    path = f"/api/admin/prompts/one-moment/audio?version={version}"
    assert (await olga.put(path, content=upload, headers=WAV)).status_code == 200
    heard = await olga.get("/api/admin/prompts/one-moment/audio")
    assert heard.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(heard.content)) as recording:
        assert recording.getparams()[:4] == (1, 2, 8_000, 4_000)
        samples = np.frombuffer(recording.readframes(4_000), "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(samples))
    assert np.argmax(spectrum) * 2 == 440
    assert np.max(np.abs(samples[200:-200])) / 32_768 == pytest.approx(0.65, abs=0.15)


async def test_only_that_one_place_takes_recordings(olga: httpx2.AsyncClient) -> None:
    answer = await olga.put("/api/admin/skills/claims", content=tone(0.1), headers=WAV)
    assert answer.status_code == 415
    foreign = {**WAV, "Origin": "https://elsewhere.example"}
    refused = await olga.put("/api/admin/prompts/greeting/audio", content=tone(0.1), headers=foreign)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "foreign_origin")
