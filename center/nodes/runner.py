"""The runner: beats, looks at the others, takes over from the dead, and holds on to what lives here.

Nothing here is in the way of a call: a store that does not answer only means that this node is neither seen nor sees.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime

import structlog

from center.engine import Engine
from center.nodes.effects import NodeEffect, Reassert, TakeOver
from center.nodes.events import DeclaredDead, Looked, NodeEvent, Registered
from center.nodes.machine import living, step
from center.nodes.model import NodeTiming, Watch
from center.persistence import Persistence
from center.promises import Promises, lost_call_task
from store.errors import StoreError
from store.records import Heartbeat
from store.store import Store
from vocabulary import InteractionId, new_id

log = structlog.get_logger(__name__)

OWNERLESS_EVERY = 20
"""Every so many looks the store is searched for what no node owns."""


class NodeWatch:
    """One node among those that share its store. Loop thread only."""

    def __init__(
        self,
        *,
        name: str,
        store: Store,
        engine: Engine,
        promises: Promises,
        persistence: Persistence,
        timing: NodeTiming,
        on_living: Callable[[frozenset[str]], None] = lambda _others: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`on_living` hears after every look which other nodes live."""
        self._on_living = on_living
        self._store = store
        self._engine = engine
        self._promises = promises
        self._persistence = persistence
        self._timing = timing
        self._clock = clock
        self._watch = Watch(name)
        self._lost_on: dict[InteractionId, str] = {}
        self._is_settled = True
        self._looks = 0
        self._is_out_of_touch = False
        self._beating: asyncio.Task[None] | None = None
        self._work: asyncio.Task[None] | None = None

    # -- life ---------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Look after what an earlier life of this node left, then be seen and watch the others."""
        await self._register()
        await self._settle()
        self._beating = asyncio.create_task(self._beat_for_ever(), name="node-watch")

    async def stop(self) -> None:
        """Be seen no more: others take over what is left here, unless this node is back before they notice."""
        tasks = [task for task in (self._beating, self._work) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._beating = self._work = None

    async def _beat_for_ever(self) -> None:
        while True:
            async with self._whatever_happens():
                await self._beat()
            await asyncio.sleep(self._timing.beat_s)

    @contextlib.asynccontextmanager
    async def _whatever_happens(self) -> AsyncIterator[None]:
        """A store that is away is told once; a bug is told with its stack. Neither ends the watch."""
        try:
            yield
        except (StoreError, TimeoutError) as error:
            if not self._is_out_of_touch:
                log.warning("node_out_of_touch", error=type(error).__name__)
            self._is_out_of_touch = True
        except Exception:
            log.exception("node_watch_bug")
        else:
            self._is_out_of_touch = False

    async def _beat(self) -> None:
        """Give a sign of life, look at the others, begin what follows."""
        watch = self._watch
        async with asyncio.timeout(self._timing.answer_s):
            if not watch.life:
                await self._register()
            elif not await self._store.nodes.beat(watch.me, watch.life):
                log.warning("node_was_declared_dead", node=watch.me)
                self._tell(DeclaredDead())
                await self._register()
            heartbeats = tuple(await self._store.nodes.all())
        self._tell(Looked(heartbeats))

    async def _register(self) -> None:
        life = new_id("life")
        await self._store.nodes.register(self._watch.me, life)
        self._tell(Registered(life))

    # -- the machine --------------------------------------------------------------------------------------------

    def _tell(self, event: NodeEvent) -> None:
        """What follows is done beside the beats, one thing after the other; what is left out now is due again soon."""
        now = self._clock()
        self._watch, effects = step(self._watch, event, self._timing, now)
        if not isinstance(event, Looked):
            return
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._perform_all(effects), name="node-watch-work")
        self._on_living(living(self._watch, self._timing, now))

    async def _perform_all(self, effects: Sequence[NodeEffect]) -> None:
        async with self._whatever_happens():
            for effect in effects:
                await self._perform(effect)
            self._looks += 1
            if self._looks % OWNERLESS_EVERY == 1:
                await self._store.nodes.note_ownerless()
            if not self._is_settled:
                await self._settle()

    async def _perform(self, effect: NodeEffect) -> None:
        match effect:
            case TakeOver(silent):
                await self._take_over(silent)
            case Reassert():
                await self._reassert()

    # -- others that died ---------------------------------------------------------------------------------------

    async def _take_over(self, silent: Heartbeat) -> None:
        """Claim, move, settle, forget. Leases are not touched: they end by themselves, never before it is safe."""
        nodes, me, claim = self._store.nodes, self._watch.me, new_id("life")
        if not await nodes.claim(silent, Heartbeat(me, self._watch.life, 0), claim):
            return  # it lives, another was faster, or we are dead ourselves
        self._is_settled = False
        calls = await self._store.interactions.take_over(silent.name, claim, me)
        tasks = await self._store.tasks.take_over(silent.name, claim, me)
        self._lost_on |= dict.fromkeys(calls, silent.name)
        log.warning("node_taken_over", node=silent.name, interactions=len(calls), tasks=tasks)
        await self._settle()
        await nodes.forget(silent.name, claim)

    async def _settle(self) -> None:
        """Look after what the store says is ours but does not go on here: callbacks for lost calls, tasks to keep.

        Begun anew after a failure it does nothing twice: a callback has its id from the call, a call is closed last.
        """
        self._is_settled = False
        me = self._watch.me
        left = [call for call in await self._store.interactions.open(me) if not self._goes_on(call.id)]
        await self._promises.take_over(
            await self._store.tasks.open(me),
            [call for call in left if call.end_result is None],
            lambda call: self._lost_on.get(call, me),
        )
        for call in left:
            await self._persistence.close_lost(call)
            self._lost_on.pop(call.id, None)
        self._is_settled = True

    def _goes_on(self, call: InteractionId) -> bool:
        return self._engine.find(call) is not None or self._persistence.is_waiting(f"interaction/{call}")

    # -- ourselves, alive after all -----------------------------------------------------------------------------

    async def _reassert(self) -> None:
        """Conversations are where their legs are: what lives here is ours, whatever others made of our silence."""
        me, store = self._watch.me, self._store
        calls = list(self._engine.works)
        if calls:
            for call in await store.interactions.not_of(me, calls):
                work = self._engine.works.get(call)
                if work is not None:
                    log.warning("call_lives_on", interaction_id=call)
                    self._persistence.keep_work(work, self._engine.utc)
            callbacks = [lost_call_task(call) for call in calls]
            await store.tasks.call_off(me, callbacks, "The conversation went on.", datetime.now(UTC))
        await self._promises.compare_with_store(me)
