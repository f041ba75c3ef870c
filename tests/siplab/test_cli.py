"""The command line of the lab: wrong input gets a sentence and status 2."""

from __future__ import annotations

import pytest
from siplab.cli import app
from typer.testing import CliRunner


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "s99"], "there is no scenario 's99'"),
        (["run", "s02", "s99"], "there is no scenario 's99'"),
        (["run", "s02", "--target", "http://127.0.0.1:1"], "--target is for s01 alone"),
        (["run", "s02", "s03", "--state-dir", "x"], "--state-dir is for one scenario"),
        (["run", "s01", "--target", "localhost"], "must be an http address"),
        (["run", "s01", "--target", "http://127.0.0.1:1"], "--logins"),
        (["run", "s01", "--target", "http://127.0.0.1:1", "--logins", "nowhere.json"], "logins file"),
    ],
)
def test_wrong_input_is_explained(arguments: list[str], says: str) -> None:
    outcome = CliRunner().invoke(app, arguments)
    assert outcome.exit_code == 2
    assert says in " ".join(outcome.output.split())


def test_list_names_the_scenarios() -> None:
    outcome = CliRunner().invoke(app, ["list"])
    assert outcome.exit_code == 0
    assert outcome.output.startswith("s01 ")
