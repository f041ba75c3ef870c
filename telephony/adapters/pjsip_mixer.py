"""Applies the mixing matrix, prompts and hold music to PJSIP's conference bridge. Owner thread only.

The wanted matrix may name legs whose media does not run yet; their pairs wait. The bridge removes a port with all its
links when its leg ends, so nothing is ever unlinked from a port that is going away (PJSIP issues 4496 and 4719).
"""

from __future__ import annotations

import contextlib
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pjsua2 as pj
import structlog

from telephony.adapters.guard import guarded
from telephony.events import LegEvent, PromptEnded
from telephony.mixing import Link, MixOperation, Unlink, about, changes, restricted
from telephony.model import EMPTY_MATRIX, HoldMusic, MixingMatrix, PromptName
from vocabulary import LegId

log = structlog.get_logger(__name__)

_PROMPT_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_GRAVE_S = 1.0
"""A player's last callback may still be running on another thread when it ends; it is freed this much later."""


class Player(pj.AudioMediaPlayer):
    """Plays one file once; `on_end` is called on a thread of PJSIP's."""

    def __init__(self, on_end: Callable[[], None]) -> None:
        super().__init__()
        self._on_end = on_end

    @guarded
    def onEof2(self) -> None:
        self._on_end()


@dataclass(slots=True)
class _Playing:
    prompt: PromptName
    player: Player | None = None


class Mixer:
    """Who hears whom, on the bridge. `run_soon` hands a callable to the owner thread from any thread."""

    def __init__(
        self,
        prompt_folders: tuple[Path, ...],
        hold_music: str,
        post: Callable[[LegEvent], None],
        run_soon: Callable[[Callable[[], None]], None],
    ) -> None:
        self._prompt_folders = prompt_folders
        self._hold_music = PromptName(hold_music)
        self._post = post
        self._run_soon = run_soon
        self._media: dict[LegId, pj.AudioMedia] = {}
        self._wanted: MixingMatrix = EMPTY_MATRIX
        self._running: MixingMatrix = EMPTY_MATRIX
        self._playing: dict[LegId, _Playing] = {}
        self._music: pj.AudioMediaPlayer | None = None
        self._music_is: tuple[Path, int] | None = None
        self._graves: deque[tuple[float, Player]] = deque()

    def attach(self, leg: LegId, media: pj.AudioMedia) -> None:
        """Put an answered leg on the bridge, or put it there anew after its media was renegotiated."""
        self._media[leg] = media
        self._running -= about(self._running, frozenset({leg}))
        self._apply()
        playing = self._playing.get(leg)
        if playing is not None and playing.player is None:
            self._start(leg, playing)
        elif playing is not None and playing.player is not None:
            with contextlib.suppress(pj.Error):
                playing.player.startTransmit(media)

    def detach(self, leg: LegId) -> None:
        """Take note that PJSIP removed the leg's port for now; its pairs wait for the next attach."""
        if self._media.pop(leg, None) is not None:
            self._running -= about(self._running, frozenset({leg}))

    def forget(self, leg: LegId) -> None:
        """Drop everything about a leg that ended."""
        self.detach(leg)
        self._wanted -= about(self._wanted, frozenset({leg}))
        self._bury(leg, self._playing.pop(leg, None))

    def set_mix(self, legs: frozenset[LegId], matrix: MixingMatrix) -> None:
        """Replace every pair that touches `legs` by `matrix`."""
        self._wanted = (self._wanted - about(self._wanted, legs)) | matrix
        self._apply()

    def play(self, leg: LegId, prompt: PromptName) -> None:
        """Play a prompt to one leg, cutting the one that plays; waits when the leg's media does not run yet."""
        self.stop_prompt(leg)
        playing = self._playing[leg] = _Playing(prompt)
        if leg in self._media:
            self._start(leg, playing)

    def stop_prompt(self, leg: LegId) -> None:
        """Cut the prompt that plays to a leg, if any."""
        playing = self._playing.pop(leg, None)
        if playing is not None:
            self._bury(leg, playing)
            self._post(PromptEnded(leg, playing.prompt))

    def sweep(self, now: float) -> None:
        """Free players that ended a while ago."""
        while self._graves and self._graves[0][0] <= now:
            self._graves.popleft()

    def close(self) -> None:
        """Free all players; before the library is destroyed."""
        self._playing.clear()
        self._graves.clear()
        self._media.clear()
        self._music = None

    def _apply(self) -> None:
        target = restricted(self._wanted, frozenset(self._media))
        for operation in changes(self._running, target):
            try:
                self._perform(operation)
            except pj.Error as error:
                log.error("bridge_operation_failed", operation=type(operation).__name__, reason=error.reason)
        self._running = target

    def _perform(self, operation: MixOperation) -> None:
        speaker = self._speaker(operation.speaker)
        listener = self._media[operation.listener]
        match operation:
            case Link():
                speaker.startTransmit(listener)
            case Unlink():
                speaker.stopTransmit(listener)

    def _speaker(self, speaker: HoldMusic | LegId) -> pj.AudioMedia:
        if not isinstance(speaker, HoldMusic):
            return self._media[speaker]
        return self._playing_music()

    def _playing_music(self) -> pj.AudioMediaPlayer:
        """The music's player; a new recording is taken up in the first moment when nobody hears the old one."""
        path = self._recording(self._hold_music)
        recording = (path, path.stat().st_mtime_ns) if path is not None else None
        is_heard = any(isinstance(speaker, HoldMusic) for speaker, _ in self._running)
        if self._music is None or (recording != self._music_is and not is_heard):
            music = pj.AudioMediaPlayer()
            music.createPlayer(str(path), 0)
            self._music, self._music_is = music, recording
        return self._music

    def _start(self, leg: LegId, playing: _Playing) -> None:
        path = self._recording(playing.prompt)
        if path is None:
            log.error("prompt_missing", prompt=playing.prompt)
            self._finish(leg, playing)
            return
        player = Player(lambda: self._run_soon(lambda: self._finish(leg, playing)))
        try:
            player.createPlayer(str(path), pj.PJMEDIA_FILE_NO_LOOP)
            player.startTransmit(self._media[leg])
        except pj.Error as error:
            log.error("prompt_failed", prompt=playing.prompt, reason=error.reason)
            self._finish(leg, playing)
            return
        playing.player = player

    def _recording(self, prompt: PromptName) -> Path | None:
        """The file of a prompt: the company's own, a shipped one, or a sentence spoken while the node runs."""
        if not _PROMPT_NAME.fullmatch(prompt):
            return None
        files = (folder / f"{prompt}.wav" for folder in self._prompt_folders)
        return next((path for path in files if path.is_file()), None)

    def _finish(self, leg: LegId, playing: _Playing) -> None:
        """A prompt came to its end; a late word about one that was cut already changes nothing."""
        if self._playing.get(leg) is playing:
            self.stop_prompt(leg)

    def _bury(self, leg: LegId, playing: _Playing | None) -> None:
        """Silence a player now and free it later."""
        if playing is None or playing.player is None:
            return
        player, playing.player = playing.player, None
        self._graves.append((time.monotonic() + _GRAVE_S, player))
        if leg in self._media:
            with contextlib.suppress(pj.Error):
                player.stopTransmit(self._media[leg])
