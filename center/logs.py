"""Logging: structured lines, to the terminal for people, as JSON into a file for programs."""

from __future__ import annotations

import logging
import logging.handlers
import queue
import sys
from pathlib import Path

import structlog

LOG_BYTES = 20_000_000
LOG_FILES = 5


def configure_logging(state_dir: Path) -> None:
    """Send warnings to the terminal and everything from info upwards as JSON lines to `<state dir>/ringside.log`.

    Writing happens in a thread of its own, so that a slow disk never holds up a call.
    """
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            *shared,
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    file = logging.handlers.RotatingFileHandler(
        state_dir / "ringside.log", maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8"
    )
    file.setFormatter(_formatter(structlog.processors.JSONRenderer(ensure_ascii=False)))
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setLevel(logging.WARNING)
    tty = sys.stderr.isatty()
    terminal.setFormatter(_formatter(structlog.dev.ConsoleRenderer() if tty else structlog.processors.JSONRenderer()))
    waiting: queue.Queue[logging.LogRecord] = queue.Queue(maxsize=10_000)
    listener = logging.handlers.QueueListener(waiting, file, terminal, respect_handler_level=True)
    listener.start()
    root = logging.getLogger()
    root.handlers = [_BoundedQueueHandler(waiting)]
    root.setLevel(logging.INFO)
    for noisy in ("aiosqlite", "alembic", "uvicorn", "httpx", "sqlalchemy"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


class _BoundedQueueHandler(logging.handlers.QueueHandler):
    """Hands records over as they are and drops them when the writer cannot follow, rather than wait."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            return


def _formatter(renderer: structlog.typing.Processor) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
    )
