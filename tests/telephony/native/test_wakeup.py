"""Wakeup: another thread ends a blocking libHandleEvents() at once."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

pj = pytest.importorskip(
    "pjsua2", reason="build it: python3 telephony/native/build.py --wheel-dir DIR, then pip install"
)
if TYPE_CHECKING:
    from tests.telephony.native.child import Stack

pytestmark = pytest.mark.native
LONG_MS = 60_000


def test_wakeup_interrupts_event_loop(stack: Stack) -> None:
    """The owner sleeps for a minute in the event loop, a foreign thread wakes it; a burst costs few wake-ups."""
    stack.start()
    stack.run_for(0.2)
    wakeup = pj.Wakeup()
    wakeup.wake()  # before start(): no effect
    wakeup.start()
    wakeup.start()

    def burst() -> None:
        time.sleep(0.1)
        for _ in range(1000):
            wakeup.wake()

    for _ in range(3):
        waker = threading.Thread(target=burst)
        began, before = time.monotonic(), wakeup.wakes()
        waker.start()
        while wakeup.wakes() == before:
            stack.endpoint.libHandleEvents(LONG_MS)
        assert time.monotonic() - began < LONG_MS / 2000
        waker.join()
    assert wakeup.wakes() < 3000
    wakeup.stop()
    wakeup.wake()


def test_no_wakeup_is_lost(stack: Stack) -> None:
    """Every posted command is run without waiting for the time-out, however wake() and the owner interleave."""
    stack.start()
    wakeup = pj.Wakeup()
    wakeup.start()
    posted: list[int] = []
    done = 0
    total = 3000

    def post() -> None:
        for number in range(total):
            posted.append(number)
            wakeup.wake()
            if number % 7 == 0:
                time.sleep(0.0002)

    poster = threading.Thread(target=post)
    began = time.monotonic()
    poster.start()
    while done < total:
        stack.endpoint.libHandleEvents(LONG_MS)
        while posted:
            posted.pop()
            done += 1
    poster.join()
    assert time.monotonic() - began < LONG_MS / 2000
    wakeup.stop()


def test_start_and_stop_many_times(stack: Stack) -> None:
    """Starting again works, with a wake-up pending or not, and dropping a started one is safe."""
    stack.start()
    wakeup = pj.Wakeup()
    for _ in range(100):
        wakeup.start()
        wakeup.wake()
        wakeup.stop()
    wakeup.start()
    wakeup.wake()
    while not wakeup.wakes():
        stack.endpoint.libHandleEvents(LONG_MS)
    del wakeup
    stack.run_for(0.05)
