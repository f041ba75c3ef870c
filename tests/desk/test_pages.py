"""The built web desk's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.desk.conftest import RunningDesk, StartDesk

pytestmark = pytest.mark.loopback


@pytest.fixture
async def built(start_desk: StartDesk, tmp_path: Path) -> RunningDesk:
    """A desk whose web pages are built."""
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<title>Ringside</title>")
    (static / "assets" / "index-4f2a.js").write_text("start()")
    (tmp_path / "secret.txt").write_text("not for the web")
    return await start_desk(static_dir=static)


async def test_hashed_files_are_kept_for_ever_and_the_page_is_asked_for_again(built: RunningDesk) -> None:
    client = await built.stranger()
    script = await client.get("/assets/index-4f2a.js")
    assert script.text == "start()"
    assert script.headers["content-type"].startswith("text/javascript")
    assert "immutable" in script.headers["cache-control"]
    page = await client.get("/")
    assert "Ringside" in page.text
    assert page.headers["cache-control"] == "no-cache"
    unchanged = await client.get("/", headers={"If-None-Match": page.headers["etag"]})
    assert unchanged.status_code == 304


async def test_addresses_inside_the_page_lead_to_the_page(built: RunningDesk) -> None:
    client = await built.stranger()
    assert (await client.get("/interactions/int_1")).text == (await client.get("/")).text


async def test_missing_files_are_not_the_page_and_not_kept(built: RunningDesk) -> None:
    client = await built.stranger()
    missing = await client.get("/assets/old-1234.js")
    assert missing.status_code == 404
    assert "immutable" not in missing.headers["cache-control"]
    assert (await client.get("/api/unknown")).headers["content-type"] == "application/json"


async def test_nothing_outside_the_folder_is_served(built: RunningDesk) -> None:
    client = await built.stranger()
    for path in (
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/..%5csecret.txt",
        "/a%00.js",
    ):
        answer = await client.get(path)
        assert "not for the web" not in answer.text
        assert answer.status_code in (200, 404), path


async def test_without_a_build_the_page_says_what_to_do(start_desk: StartDesk, tmp_path: Path) -> None:
    for folder in (None, tmp_path / "missing", tmp_path):
        client = await (await start_desk(static_dir=folder)).stranger()
        answer = await client.get("/")
        assert answer.status_code == 503
        assert "the web desk is not built: run make build" in answer.text.lower()
