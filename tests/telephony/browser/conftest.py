"""Browser phones at the real softswitch of tests/telephony/conftest.py."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from telephony.browser.model import Limits
from telephony.browser.runner import BrowserPhones
from telephony.browser.workers import WorkerSettings
from tests.telephony.browser.pages import Pages
from tests.telephony.conftest import Exchange

IMPATIENT_S = 0.5


@pytest.fixture(scope="module")
async def browser_phones(running_switch: Exchange) -> AsyncIterator[BrowserPhones]:
    """One set of phones and workers per module: a worker takes half a second to start, more on a busy machine."""
    limits = Limits(idle_grace_s=30.0, call_grace_s=30.0, connect_s=30.0)
    phones = BrowserPhones(WorkerSettings(peers_per_worker=2, most_workers=2), running_switch.switch, limits=limits)
    yield phones
    await phones.stop()


@pytest.fixture
async def impatient(browser_phones: BrowserPhones) -> AsyncIterator[None]:
    """A page that is gone is not waited for."""
    patient = browser_phones._phones.limits
    limits = replace(patient, idle_grace_s=IMPATIENT_S, call_grace_s=IMPATIENT_S)
    browser_phones._phones = replace(browser_phones._phones, limits=limits)
    yield
    browser_phones._phones = replace(browser_phones._phones, limits=patient)


@pytest.fixture
async def pages(browser_phones: BrowserPhones, exchange: Exchange) -> AsyncIterator[Pages]:
    made = Pages(browser_phones)
    yield made
    await made.close()
