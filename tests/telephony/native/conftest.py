"""Runs each test that asks for `stack` in a process of its own: PJSUA2 is one endpoint per process, and may crash."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CHILD_TIMEOUT_S = 90


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "native: real PJSIP on loopback, needs the wheel of telephony/native/build.py")


@pytest.fixture
def stack() -> None:
    """Stand in for the `child.Stack` that the test gets inside its own process."""


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Call the test in a child process; its output and its way of dying become the failure report."""
    if "stack" not in pyfuncitem.fixturenames or HERE not in pyfuncitem.path.parents:
        return None
    command = [sys.executable, str(HERE / "child.py"), str(pyfuncitem.path), pyfuncitem.originalname]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=CHILD_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as late:
        pytest.fail(f"no end after {CHILD_TIMEOUT_S} s\n{(late.stderr or b'').decode()[-4000:]}", pytrace=False)
    if done.returncode:
        died = f"killed by signal {-done.returncode}" if done.returncode < 0 else "failed"
        pytest.fail(f"{died}\n{done.stdout[-2000:]}\n{done.stderr[-6000:]}", pytrace=False)
    return True
