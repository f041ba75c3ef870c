"""Reads load plans from TOML; every problem is told with its line."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from siplab.errors import BadInput
from siplab.load.plan import Plan


def read_plan(path: Path) -> Plan:
    """Read a plan.

    Raises:
        BadInput: It cannot be read, is not TOML, or breaks a rule; each problem with its line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not UTF-8 text") from error
    return parse_plan(text, str(path))


def parse_plan(text: str, name: str) -> Plan:
    """Read a plan's text; `name` is what messages call it.

    Raises:
        BadInput: As of `read_plan`.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{name}: not valid TOML: {error}") from error
    try:
        return Plan.model_validate(content)
    except ValidationError as error:
        raise BadInput("\n".join(_problems(error, text, name))) from None


def _problems(error: ValidationError, text: str, name: str) -> list[str]:
    lines = _lines_of_keys(text)
    problems = []
    for each in error.errors(include_url=False):
        said = _said(each)
        path = _without_tags(each["loc"], lines) or _named_in(said)
        key = ".".join(path)
        line = lines.get(key) or next((lines[k] for k in _ancestors(path) if k in lines), 1)
        problems.append((line, f"{name}, line {line}: {key or 'the file'}: {said}"))
    return [problem for _, problem in sorted(problems)]


def _said(error: Any) -> str:
    """Say what is wrong, in words of the file."""
    match error["type"]:
        case "extra_forbidden":
            return "there is no such key"
        case "missing":
            return "is missing"
        case "union_tag_not_found":
            return "needs `kind`"
        case "union_tag_invalid":
            return f"kind must be one of {error['ctx']['expected_tags']}"
        case "value_error":
            return str(error["ctx"]["error"])
    given = f", not {error['input']!r}" if not isinstance(error["input"], dict) else ""
    said = str(error["msg"])
    return f"{said[0].lower()}{said[1:]}{given}"


def _without_tags(loc: tuple[int | str, ...], lines: dict[str, int]) -> list[str]:
    """Drop what pydantic adds for the kind that was chosen: `arrivals.poisson.rate_per_s` is in no file."""
    path: list[str] = []
    for part in map(str, loc):
        tagged = bool(path) and path[-1] in ("arrivals", "talk", "answers_after")
        if not (tagged and ".".join([*path, part]) not in lines and part in KINDS):
            path.append(part)
    return path


def _named_in(said: str) -> list[str]:
    """Find the key that a rule about the whole plan speaks of: it begins with it."""
    found = re.match(r"\[?([a-z_]+(?:\.[a-z_]+)?)\]?", said)
    return found[1].split(".") if found else []


def _ancestors(path: list[str]) -> list[str]:
    return [".".join(path[:n]) for n in range(len(path) - 1, 0, -1)]


KINDS = ("constant", "poisson", "morning_peak", "burst", "replay", "fixed", "exponential", "lognormal")
_TABLE = re.compile(r"^\s*\[\s*([A-Za-z0-9_.-]+)\s*\]")
_ENTRY = re.compile(r"^\s*\[\[\s*([A-Za-z0-9_.-]+)\s*\]\]")
_KEY = re.compile(r"^\s*([A-Za-z0-9_.-]+)\s*=")


def _lines_of_keys(text: str) -> dict[str, int]:
    """Find the line of each table and key; enough for files as people write them."""
    found: dict[str, int] = {}
    entries: Counter[str] = Counter()
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if entry := _ENTRY.match(line):
            table = f"{entry[1]}.{entries[entry[1]]}"
            entries[entry[1]] += 1
            found.setdefault(table, number)
        elif header := _TABLE.match(line):
            table = header[1]
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault(f"{table}.{key[1]}" if table else key[1], number)
    return found
