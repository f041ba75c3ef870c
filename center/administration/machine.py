"""The book of changes: `propose(book, wish)` and `undo(book, change)` give a change, `entered(book, change)` a book.

Theory. A thing's version is the number of the change that made it so; changes have the numbers 1, 2, 3… without a gap.
Who asks for a change says which version he saw; if there is a newer one, he is told who made it. Undoing is a change
like any other: it puts the content from before back, which is only sensible while the thing is as the change made it.

    book ──propose──► change ──entered──► book′ ──undo(change)──► change′ ──entered──► book″ = book in everything
                                                                                     but versions and numbers

Invariant (property test): undoing in reverse order is never refused and gives the first company back.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from center.administration.conflicts import conflicts
from center.administration.model import Book, Change, Content, Kind, Stamp, Wish
from center.administration.problems import refusal, too_late
from center.administration.validation import check
from center.errors import UnknownThing, WrongMoment
from context.bundle import utc_text
from vocabulary import PersonId


def propose(book: Book, wish: Wish, by: PersonId, at: datetime) -> Change | None:
    """The change that fulfils a wish; None when everything is so already.

    Raises:
        UnknownThing: There is nothing of that name to change or remove.
        WrongMoment: It is there already, or somebody changed it after the version the wish is based on.
        BadRequest: A rule stands against it; all problems are in the details, each with its field.
    """
    before = book.company.get(wish.kind, wish.subject)
    _is_there(book, wish, before)
    if wish.make is False and wish.version != book.version(wish.kind, wish.subject):
        raise _stale(book, wish.kind, wish.subject)
    if before == wish.after:
        return None
    problems = check(book.company, wish.kind, wish.subject, wish.after)
    if problems:
        raise refusal(problems)
    return Change(book.last + 1, at, by, wish.kind, wish.subject, before, wish.after, wish.note)


def undo(book: Book, change: Change, by: PersonId, at: datetime, note: str = "") -> Change:
    """The change that takes a change back.

    Raises:
        WrongMoment: The thing was changed since, or something newer depends on it; the message says what.
    """
    if not is_as_made(book, change):
        raise _stale(book, change.kind, change.subject, code="changed_since")
    problems = conflicts(book.company, change.kind, change.subject, change.before)
    if problems:
        first = problems[0]
        raise WrongMoment(first.code, first.message, details={"values": dict(first.values)})
    return Change(
        book.last + 1, at, by, change.kind, change.subject, change.after, change.before, note, undoes=change.id
    )


def is_as_made(book: Book, change: Change) -> bool:
    """Whether the thing is now as this change made it; also when what came after was undone."""
    return book.company.get(change.kind, change.subject) == change.after


def entered(book: Book, change: Change) -> Book:
    """The book with one more change in it. One that it has already changes nothing."""
    if change.id <= book.last:
        return book
    company = book.company.having(change.kind, change.subject, change.after)
    stamps = {**book.stamps, (change.kind, change.subject): Stamp(change.id, change.by, change.at)}
    return replace(book, company=company, stamps=stamps, last=change.id)


def _is_there(book: Book, wish: Wish, before: Content | None) -> None:
    if wish.make and before is not None:
        raise WrongMoment("exists", f"There is {wish.subject} already.", field="id")
    may_be_new = wish.make or wish.kind in (Kind.SETTINGS, Kind.PROMPTS)  # these have shipped values under them
    if before is None and not (may_be_new and wish.after is not None):
        raise UnknownThing("unknown_thing", "There is nothing of that name.")


def _stale(book: Book, kind: Kind, subject: str, code: str = "stale") -> WrongMoment:
    stamp = book.stamps.get((kind, subject))
    if stamp is None:
        return too_late(code, "This was changed meanwhile.")
    at = utc_text(stamp.at)
    return too_late(code, f"{stamp.by} changed this at {at}.", by=stamp.by, at=at, version=str(stamp.version))
