"""Getting at a node: what the lab says when it is given something wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from siplab.errors import BadInput, NodeFailed
from siplab.node import PrivateNode, attach, parse_logins

LOGINS = {
    "logins": [
        {"person": "a", "name": "A", "roles": ["agent"], "web_password": "w", "phone_password": "p"},
        {"person": "s", "name": "S", "roles": ["specialist", "agent"], "web_password": "w", "phone_password": "p"},
    ]
}


def test_logins_are_read_in_the_companys_order(tmp_path: Path) -> None:
    file = tmp_path / "logins.json"
    file.write_text(json.dumps(LOGINS))
    access = attach("http://127.0.0.1:8080/", file)
    assert [login.person for login in access.with_role("agent")] == ["a", "s"]
    assert [login.person for login in access.with_role("specialist")] == ["s"]
    assert access.web == "http://127.0.0.1:8080"


@pytest.mark.parametrize("text", ["", "[]", '{"logins": 5}', '{"logins": [{"person": "a"}]}', '{"logins": []}', "{"])
def test_wrong_logins_are_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(BadInput, match="logins"):
        parse_logins(text)


@pytest.mark.parametrize(("url", "file"), [("127.0.0.1:80", "x"), ("http://h", None), ("http://h", "not-there.json")])
def test_wrong_target_is_refused_with_a_sentence(url: str, file: str | None, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"--target|logins file"):
        attach(url, tmp_path / file if file else None)


async def test_foreign_folder_is_not_emptied(tmp_path: Path) -> None:
    """A mistyped state folder must not cost anybody his files."""
    (tmp_path / "diary.txt").write_text("dear")
    with pytest.raises(BadInput, match="not a state folder"):
        async with PrivateNode(tmp_path):
            pytest.fail("it must not start")
    assert (tmp_path / "diary.txt").exists()


async def test_node_that_dies_at_start_is_reported_with_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "bin" / "ringside"
    script.parent.mkdir()
    answer = json.dumps(LOGINS)
    script.write_text(
        f"#!/bin/sh\nif [ $1 = init ]; then echo '{answer}'; exit 0; fi\necho port 5060 is taken; exit 3\n"
    )
    script.chmod(0o755)
    monkeypatch.setattr("siplab.node.sys.executable", str(script.with_name("python")))
    with pytest.raises(NodeFailed, match=r"ended with 3(.|\n)*port 5060 is taken"):
        async with PrivateNode(tmp_path / "state"):
            pytest.fail("it must not start")
