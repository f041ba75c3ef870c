"""`siplab watch`: follows the trace of a running load and draws the ladder of one live call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from siplab.errors import BadInput
from siplab.load.ladder import as_text
from siplab.load.trace import FILE, Watched, whole_lines

POLL_S = 0.1
LINGER_S = 1.5
"""How long a call that is over stays, before the next takes its place."""


async def watch_trace(place: Path, wanted: int | None, console: Console) -> None:
    """Follow until the run is over, or until the wanted call is.

    Raises:
        BadInput: There is no trace there.
    """
    watched = Watched(wanted)
    file = _open(place)
    for line in file:  # what has been: only the newest call of it is of interest
        watched.take(line)
        watched.release()
    with file, _screen(console) as show:
        until = 0.0
        while not watched.ended and not (wanted is not None and watched.over is not None):
            for line in whole_lines(file):
                watched.take(line)
            show(watched)
            now = asyncio.get_running_loop().time()
            until = until if watched.over is not None else now + LINGER_S
            if now > until:
                watched.release()
            await asyncio.sleep(POLL_S)
        show(watched)


@contextmanager
def _screen(console: Console) -> Iterator[Callable[[Watched], None]]:
    """Give what shows a call: drawn anew each time in a terminal, once when it is over elsewhere."""
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            yield lambda watched: live.update(ladder_page(watched), refresh=True)
        return
    printed: set[int] = set()

    def print_once(watched: Watched) -> None:
        if watched.call is not None and watched.over is not None and watched.call not in printed:
            printed.add(watched.call)
            console.print(ladder_page(watched))

    yield print_once


def _open(place: Path) -> TextIO:
    path = place / FILE if place.is_dir() else place
    try:
        return path.open(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}; start `siplab load` first, it writes its trace there") from error


def ladder_page(watched: Watched) -> RenderableType:
    """Draw the call that is shown now."""
    if watched.call is None:
        return Text("No call yet; Ctrl-C leaves.", style="dim")
    state = "is on" if watched.over is None else f"is over{': ' + watched.over if watched.over else ''}"
    return Group(Text(f"call {watched.call} {state}", style="bold"), Text(as_text(watched.steps)))
