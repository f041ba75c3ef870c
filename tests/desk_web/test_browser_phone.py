"""The phone in the page, in a real Chromium with a made-up microphone: real WebRTC against the mock centre's peer."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Page, expect

from tests.desk_web.conftest import Open, Opened, fits
from tests.desk_web.mock_phone import LEG, TONE_HZ, MockPhones
from tests.desk_web.phone_scenes import MICROPHONE, in_state, show_phone
from tests.desk_web.scenes import CALL, ESCALATION

pytestmark = pytest.mark.browser

PHONE_SIZE = {"viewport": {"width": 390, "height": 844}}
LOUD, SILENT = 0.01, 0.0001

PEAK_HZ = """async (wanted) => {
  const heard = document.querySelector("audio[data-testid=phone-heard]").srcObject;
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
  context.createMediaStreamSource(heard).connect(analyser);
  const levels = new Float32Array(analyser.frequencyBinCount);
  const loudest = () => {
    analyser.getFloatFrequencyData(levels);
    return levels.indexOf(Math.max(...levels));
  };
  let peak = 0;
  for (let tries = 0; tries < 400 && Math.abs(peak - wanted) >= 20; tries++) {
    await new Promise((done) => setTimeout(done, 50));
    const bin = loudest();
    peak = levels[bin] > -50 ? (bin * context.sampleRate) / analyser.fftSize : 0;
  }
  await context.close();
  return peak;
}"""
"""The loudest frequency in what the page plays, once it is the wanted one; the last one if it never is."""


async def with_phone(
    open_desk: Open, state: str, person: str, scene: str, **look: object
) -> tuple[Page, MockPhones, Opened]:
    """A person's page with its phone in this state."""
    shown = await open_desk(person, scene, **MICROPHONE, **look)
    await show_phone(shown.page, shown.desk.phones, state)
    return shown.page, shown.desk.phones, shown


async def axe_is_clean(page: Page) -> None:
    found = (await Axe().run(page)).response["violations"]
    assert [f"{one['id']}: {one['help']}" for one in found] == []


async def test_a_call_rings_is_answered_by_one_key_and_both_hear_each_other(open_desk: Open) -> None:
    """CE-02: the page alerts the person; A answers; sound goes both ways; mute, hold, digits and hang up by keys."""
    page, phones, shown = await with_phone(open_desk, "ringing", "petra", "ringing")
    assert (await phones.wait_said("ringing"))["leg"] == LEG
    await expect(page.get_by_role("alert").filter(has_text="Phone rings: Ana Kovač")).to_have_count(1)
    await expect(page).to_have_title("● Phone rings: Ana Kovač")
    await axe_is_clean(page)
    await page.keyboard.press("a")
    offer = (await phones.wait_said("answer"))["sdp"]
    assert (offer.count("m=audio"), "telephone-event" in offer) == (1, False)
    assert offer.index("opus/48000") < offer.index("G722/8000") < offer.index("PCMU/8000")
    await in_state(page, "talking")
    assert abs(await page.evaluate(PEAK_HZ, TONE_HZ) - TONE_HZ) < 20
    await phones.until(lambda: phones.loudness > LOUD)
    await axe_is_clean(page)

    await page.keyboard.press("t")
    await expect(page.get_by_text("nobody hears you")).to_be_visible()
    await phones.until(lambda: phones.loudness < SILENT)
    await page.keyboard.press("y")
    await page.keyboard.press("5")
    await page.keyboard.press("#")
    assert [(await phones.wait_said("dtmf", n))["digit"] for n in (1, 2)] == ["5", "#"]
    await page.keyboard.press("h")
    assert await phones.wait_said("hold") == {"type": "hold", "leg": LEG, "on": True}
    await in_state(page, "held")
    await page.keyboard.press("g")
    await phones.wait_said("hang_up")
    await in_state(page, "idle")
    await page.keyboard.press("y")
    await page.get_by_label("Number to call").fill("5001")
    await page.keyboard.press("Enter")
    assert (await phones.wait_said("call"))["called"] == "5001"
    await in_state(page, "talking")
    await page.get_by_test_id("phone-switch").click(force=True)
    await in_state(page, "talking")
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_contain_text("Hang up")
    assert shown.faults == []


@pytest.mark.parametrize("rings_first", [True, False])
async def test_accepting_the_case_answers_the_ringing_phone(open_desk: Open, rings_first: bool) -> None:
    """N8, CE-05: one act, whichever comes first; a specialist needs nothing installed."""
    page, phones, shown = await with_phone(open_desk, "idle", "eva", "arriving")
    accept = page.get_by_role("region", name="Arriving case").get_by_role("button", name="Accept")
    if rings_first:
        await phones.ring(ESCALATION, CALL)
        await phones.wait_said("ringing")
    await accept.click()
    await shown.desk.wait_sent("/accept")
    if not rings_first:
        await phones.ring(ESCALATION, CALL)
    assert (await phones.wait_said("answer"))["leg"] == LEG
    await expect(page.get_by_text("You are being connected in this page")).to_be_visible()
    await in_state(page, "talking")


async def test_a_call_outlives_a_lost_link_another_network_and_a_page_that_is_loaded_again(open_desk: Open) -> None:
    """CE-14: the leg is taken back, over the same sound if it still flows, otherwise by a new offer."""
    page, phones, _ = await with_phone(open_desk, "talking", "petra", "call")
    await phones.cut()
    again = await phones.wait_said("register", 2)
    assert (again["phone"], again["resume"]) == ("phone_1", LEG)
    await in_state(page, "talking")
    assert not [one for one in phones.said if one["type"] == "reconnect"]
    await page.evaluate("dispatchEvent(new Event('online'))")
    await phones.wait_said("reconnect")
    await in_state(page, "talking")
    page.on("dialog", lambda dialog: dialog.accept())
    await page.reload()
    assert (await phones.wait_said("reconnect", 2))["leg"] == LEG
    await in_state(page, "talking")
    assert abs(await page.evaluate(PEAK_HZ, TONE_HZ) - TONE_HZ) < 20


async def test_what_goes_wrong_is_said_in_words(open_desk: Open) -> None:
    """No microphone allowed; a media worker that fails; too many pages; in the person's language."""
    refused = await open_desk("petra", "idle")
    await refused.page.get_by_test_id("phone-switch").click()
    await expect(refused.page.get_by_test_id("phone-problem")).to_contain_text("The microphone is not allowed.")
    await axe_is_clean(refused.page)
    assert refused.desk.phones.said == []

    page, phones, _ = await with_phone(open_desk, "worker_lost", "petra", "call")
    await expect(page.get_by_test_id("phone-ended")).to_contain_text(
        "Ana Kovač. The media worker for this call stopped"
    )
    await in_state(page, "idle")
    await page.get_by_label("Language", exact=True).select_option("hr")
    await expect(page.get_by_test_id("phone-ended")).to_contain_text("Zakazao je dio centra")
    phones.refusal = 4429
    await phones.cut()
    await expect(page.get_by_test_id("phone-problem")).to_contain_text("na previše stranica")


async def test_the_phone_fits_a_mobile_screen_and_200_percent(open_desk: Open) -> None:
    """UT-10: WCAG 2.2 AA at phone width and enlarged; the strip never hides what has the focus."""
    page, _, _ = await with_phone(open_desk, "talking", "eva", "conference", **PHONE_SIZE, color_scheme="dark")
    await page.keyboard.press("y")
    await axe_is_clean(page)
    for width in (390, 320, 720):
        await page.set_viewport_size({"width": width, "height": 844})
        assert await fits(page), width
    await page.keyboard.press("m")
    settings = page.get_by_role("region", name="Sound settings")
    await expect(settings.get_by_label("Microphone")).to_be_visible()
    await axe_is_clean(page)


async def test_the_phone_stays_on_for_this_person_only(open_desk: Open) -> None:
    """A specialist switches it on once; another person at the same browser is not reachable by it."""
    page, phones, _ = await with_phone(open_desk, "idle", "eva", "idle")
    await page.reload()
    await phones.wait_said("register", 2)
    await page.get_by_role("button", name="Log out").click()
    await phones.wait_said("unregister")
    await page.get_by_label("Person id").fill("petra")
    await page.get_by_label("Password").fill("secret")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_test_id("phone-switch")).to_have_text("Browser phone: off")
    assert [one["type"] for one in phones.said].count("register") == 2
