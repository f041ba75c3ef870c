"""PcmPort, its shared memory and ToneMeter: audio in and out of the bridge, with Python off the media clock."""

from __future__ import annotations

import ctypes
import gc
import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pj = pytest.importorskip(
    "pjsua2", reason="build it: python3 telephony/native/build.py --wheel-dir DIR, then pip install"
)
if TYPE_CHECKING:
    from tests.telephony.native.child import Stack

pytestmark = pytest.mark.native

SHARED_RING = Path(__file__).parents[3] / "telephony/native/shared_ring.py"


def test_pcm_through_the_port_without_python_on_the_media_clock(stack: Stack) -> None:
    """PCM written here is heard at the far end of a call, also while Python holds its lock for hundreds of ms."""
    from tests.telephony.native.child import tone, tone_amplitude

    stack.start()
    leg, far = stack.call_pair()
    speaker, listener = pj.PcmPort("speaker", 8000, 20, 4000), pj.PcmPort("listener", 8000, 20, 4000)
    meter = pj.ToneMeter("meter", 8000, [440.0, 1000.0])
    assert speaker.write(tone(440, 3)) == 24000
    far.audio().startTransmit(meter)
    far.audio().startTransmit(listener)
    speaker.startTransmit(leg.audio())
    stack.run(lambda: meter.heardMs(0) >= 400, "tone at the far end")

    before = meter.heardMs(0)
    for _ in range(100):
        ctypes.PyDLL(None).usleep(100_000)  # PyDLL keeps the GIL: no Python thread runs meanwhile
        if meter.heardMs(0) - before >= 300:
            break
    assert meter.heardMs(0) - before >= 300, "the media clock stood still with Python"
    assert meter.heardMs(1) == 0
    assert speaker.underruns() == 0
    heard = listener.read(100_000)
    parts = [heard[at : at + 3200] for at in range(0, len(heard) - 3200, 1600)]
    clearest = max(parts, key=lambda part: tone_amplitude(part, 440))  # a stalled machine makes holes in others
    assert tone_amplitude(clearest, 440) == pytest.approx(0.3, rel=0.2)
    assert tone_amplitude(clearest, 1000) < 0.01
    assert speaker.queued() < 24000 - 4000


def test_meter_measures_gaps_and_tones(stack: Stack) -> None:
    """Two tones apart, a hole of 120 ms as long as it was within one hop, and levels."""
    from tests.telephony.native.child import tone

    stack.start()
    source = pj.PcmPort("source", 8000, 20, 4000)
    meter = pj.ToneMeter("meter", 8000, [500.0, 600.0, 2000.0])
    source.startTransmit(meter)
    holes: list[float] = []

    def second_tone() -> bool:
        hole = meter.longestGapMs(0)
        if meter.heardMs(0) > 1000 and meter.present(0):  # in this order: it was measured before the first tone's end
            holes.append(hole)
        return bool(meter.heardMs(1) > 0)

    while not holes:  # a process that stands still looks too late
        meter.reset()
        source.write(tone(500, 0.8) + b"\0\0" * 960 + tone(500, 0.6) + tone(600, 0.4))
        stack.run(lambda: meter.firstHeardMs(0) >= 0, "first tone")
        first = meter.firstHeardMs(0)
        meter.armGap(0)
        loud = meter.levelDbfs() > -20
        in_time = meter.elapsedMs() - first < 700
        stack.run(second_tone, "second tone")
        if not in_time:
            holes.clear()
        if not holes:
            stack.run(lambda: source.queued() == 0 and meter.levelDbfs() == -120, "the end")
    assert loud
    assert holes[-1] == pytest.approx(120, abs=10)
    stack.run(lambda: not meter.present(1), "silence")
    assert meter.heardMs(0) == pytest.approx(1400, abs=60)
    heard = meter.heardMs(1)
    assert heard == pytest.approx(400, abs=40)
    assert meter.firstHeardMs(1) - first == pytest.approx(1520, abs=40)
    assert (meter.heardMs(2), meter.firstHeardMs(2), meter.firstHeardAt(2)) == (0, -1, -1)
    stack.run(lambda: meter.levelDbfs() == -120, "level")
    meter.reset()
    assert (meter.heardMs(0), meter.firstHeardMs(0), meter.present(0)) == (0, -1, False)


def test_ring_counts_underruns_overruns_and_flushes(stack: Stack) -> None:
    """A dry speaker counts one episode; a late reader loses the oldest samples; a full ring refuses."""
    from tests.telephony.native.child import tone

    stack.start()
    port, sink = pj.PcmPort("port", 8000, 20, 100), pj.ToneMeter("sink", 8000, [])
    assert port.write(b"\0" * 100_000) == port.capacity() == 1024
    assert port.write(b"\0\0") == 0
    port.startTransmit(sink)
    stack.run(lambda: port.silentFrames() > 10, "ring running dry")
    assert port.underruns() == 1

    stack.run(lambda: port.read(1) is not None and port.overruns() > 1000, "being overtaken")
    assert 0 < port.available() <= 1024

    prompt = pj.PcmPort("prompt", 8000, 20, 4000)
    prompt.write(tone(440, 2))
    prompt.flush()
    prompt.startTransmit(sink)
    stack.run(lambda: prompt.queued() == 0, "flush")
    with pytest.raises(TypeError):
        prompt.write("text")


def test_ports_may_be_dropped_while_connected(stack: Stack) -> None:
    """Closing or collecting a connected port, in any order and after the end, harms nobody."""
    from tests.telephony.native.child import tone

    stack.start()
    leg, _ = stack.call_pair()
    for _ in range(30):
        port, meter = pj.PcmPort("short", 16000, 20, 400), pj.ToneMeter("short", 8000, [440.0])
        port.write(tone(440, 0.2, 16000))
        port.startTransmit(leg.audio())
        leg.audio().startTransmit(port)
        port.startTransmit(meter)
        stack.run_for(0.01)
        port.close()
        port.close()
        assert port.write(b"\0\0") in (0, 1)
        del port, meter
        gc.collect()
    left = pj.PcmPort("left over"), pj.ToneMeter("left over", 8000, [440.0])
    left[0].startTransmit(left[1])
    stack.run_for(0.1)
    stack.close()
    assert left[0].read(10) is not None
    del left
    gc.collect()


def test_another_process_maps_the_ring(stack: Stack) -> None:
    """shared_ring.py in another process hears what the bridge mixed and is heard."""
    from tests.telephony.native.child import tone

    stack.start()
    name = f"ringside-test-{stack.port}"
    port = pj.PcmPort("shared", 8000, 20, 1000, name)
    source, meter = pj.PcmPort("source", 8000, 20, 4000), pj.ToneMeter("meter", 8000, [440.0, 600.0])
    source.startTransmit(port)
    port.startTransmit(meter)
    echo = (
        "import select, sys\nfrom shared_ring import SharedRing\n"
        f"with SharedRing({name!r}) as ring:\n"
        "    assert (ring.clock_rate_hz, ring.ptime_ms, ring.frame_samples) == (8000, 20, 160)\n"
        "    while not select.select([sys.stdin], [], [], 0.01)[0]:\n"
        "        samples = ring.read(800)\n"
        "        assert ring.write(samples) == len(samples) // 2\n"
    )
    with subprocess.Popen([sys.executable, "-c", echo], cwd=SHARED_RING.parent, stdin=subprocess.PIPE) as other:

        def echoed() -> bool:
            if source.queued() < 4000:
                source.write(tone(440, 1))  # its waves fit each other
            return bool(meter.heardMs(0) > 500) or other.poll() is not None

        stack.run(echoed, "echo")
    assert other.returncode == 0
    assert meter.heardMs(0) > 500
    port.close()
    assert meter.heardMs(1) == 0


def test_shared_ring_refuses_foreign_memory(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("shared_ring", SHARED_RING)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "other").write_bytes(b"\0" * 4096)
    with pytest.raises(ValueError, match="not a PCM ring"):
        module.SharedRing("other", tmp_path)
    with pytest.raises(FileNotFoundError):
        module.SharedRing("absent", tmp_path)


def test_wrong_arguments_raise(stack: Stack) -> None:
    stack.start()
    for rate, ptime in ((1000, 20), (8000, 0), (11025, 7)):
        with pytest.raises(pj.Error):
            pj.PcmPort("bad", rate, ptime)
    with pytest.raises(pj.Error):
        pj.PcmPort("bad", 8000, 20, 400, "a/b")
    with pytest.raises(pj.Error):
        pj.ToneMeter("bad", 8000, [5000.0])
    with pytest.raises(pj.Error):
        pj.ToneMeter("good", 8000, [500.0]).present(1)
