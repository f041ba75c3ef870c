"""A phone book names callers the store does not know, and is never in the way of a call."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from center import phone_book
from center.phone_book import FileBook, PhoneBook, WebBook, read_entries
from context.model import Listing
from desk.server import DeskServer
from tests.center.stage import ANA_K, ANNA, PATIENCE_S, STRANGER, Stage

pytestmark = pytest.mark.loopback

LINES = """\ufeffnumber,name,company
+44 20 7946 0999,Jane Stranger,Acme Ltd
091 555 0202,"Kos, Ivo",
not a number,Nobody,
+442079460999,Second entry,
+385911111111,
"""
JANE = Listing("Jane Stranger", "Acme Ltd")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "book.csv"
    path.write_text(LINES, encoding="utf-8")
    return path


class Answers:
    """A program that looks numbers up."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: Response = JSONResponse({"name": JANE.name, "company": JANE.company})
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.url = ""

    def app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)

        @app.get("/who/{number}")
        async def who(number: str) -> Response:
            self.asked.append(number)
            await self.go_on.wait()
            return self.answer

        return app


@pytest.fixture
async def answers() -> AsyncIterator[Answers]:
    made = Answers()
    server = DeskServer(made.app(), "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{await server.start()}/who/{{number}}"
    yield made
    made.go_on.set()
    await server.stop()


def test_a_file_is_read_whoever_wrote_it_and_wrong_lines_are_left_out(file: Path) -> None:
    entries, wrong = read_entries(file, "HR")
    assert entries == {"+442079460999": JANE, "+385915550202": Listing("Kos, Ivo")}
    assert wrong == 3


def rewrite(file: Path, content: bytes | None) -> None:
    """Change the file so that its time differs, too; None removes it."""
    if content is None:
        file.unlink()
        return
    file.write_bytes(content)
    os.utime(file, ns=(1, 1))


async def test_a_file_that_changes_is_read_again_and_one_that_goes_away_is_not_forgotten(file: Path) -> None:
    clock = Clock()
    book = FileBook(file, "HR", clock)
    assert await book.look_up("+442079460999") == JANE
    rewrite(file, b"+442079460999,Jane Married,\n")
    assert await book.look_up("+442079460999") == JANE, "not looked at again yet"
    clock.now += phone_book.LOOK_AGAIN_S
    assert await book.look_up("+442079460999") == Listing("Jane Married")
    rewrite(file, None)
    clock.now += phone_book.LOOK_AGAIN_S
    assert await book.look_up("+442079460999") == Listing("Jane Married")
    rewrite(file, b"+442079460999,\xff\xfe\n")
    clock.now += phone_book.LOOK_AGAIN_S
    assert await book.look_up("+442079460999") == Listing("Jane Married")


async def test_a_program_is_asked_once_for_a_number_for_a_while(answers: Answers) -> None:
    clock = Clock()
    book = PhoneBook(WebBook(answers.url, PATIENCE_S), region="GB", timeout_s=PATIENCE_S, clock=clock)
    assert [await book.name_of("020 7946 0999") for _ in range(3)] == [JANE] * 3
    assert answers.asked == ["+442079460999"]
    answers.answer = Response(status_code=404)
    assert await book.name_of("+441414960000") is None
    assert await book.name_of("+441414960000") is None
    assert len(answers.asked) == 2
    assert await book.name_of("anonymous") is None
    assert len(answers.asked) == 2, "what is no number is not asked for"
    clock.now += phone_book.REMEMBERED_S
    assert await book.name_of(STRANGER) is None
    assert len(answers.asked) == 3
    await book.close()


async def test_a_program_that_fails_is_as_good_as_none_and_is_asked_again(answers: Answers) -> None:
    book = PhoneBook(WebBook(answers.url, PATIENCE_S), region="GB", timeout_s=PATIENCE_S)
    failures: list[Response] = [
        Response(status_code=500),
        PlainTextResponse("no json"),
        JSONResponse(["Jane"]),
        PlainTextResponse(" " * (phone_book.LARGEST_ANSWER + 1)),
        Response(status_code=302, headers={"Location": "http://127.0.0.1:9/"}),
    ]
    for answers.answer in failures:
        assert await book.name_of(STRANGER) is None
        book._known.clear()
    answers.answer = JSONResponse({"name": "Jane\x00 \x1b[31mStranger", "company": 7})
    assert await book.name_of(STRANGER) == Listing("Jane [31mStranger")
    await book.close()


async def test_a_slow_program_is_not_waited_for_and_questions_do_not_pile_up(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phone_book, "AT_ONCE", 2)
    answers.go_on.clear()
    book = PhoneBook(WebBook(answers.url, PATIENCE_S), region="GB", timeout_s=0.2)
    asked = [asyncio.create_task(book.name_of(f"+44207946000{n}")) for n in range(3)]
    assert await asyncio.gather(*asked) == [None] * 3
    assert len(answers.asked) <= 2
    answers.go_on.set()
    book._timeout_s = PATIENCE_S
    assert await book.name_of(STRANGER) == JANE, "it is asked again"
    await book.close()


async def test_a_caller_the_store_does_not_know_is_named_by_the_phone_book(stage: Stage, file: Path) -> None:
    stage.center._arrivals._phone_book = PhoneBook(FileBook(file, "HR"), region="HR", timeout_s=PATIENCE_S)
    interaction = await stage.talking(number=STRANGER)
    await stage.until(lambda: stage.doc(ANNA, "interaction")["customer"])
    shown = stage.doc(ANNA, "interaction")
    assert shown["customer"] == {"id": "", "name": "Jane Stranger", "note": "Acme Ltd", "source": "phone_book"}
    assert "Jane Stranger" in [party["name"] for party in shown["participants"]]
    (value,) = stage.center.engine.works[interaction].case.values["policy_holder"]
    assert (value.text, value.source.value) == ("Jane Stranger", "phone_book")
    assert stage.center.engine.works[interaction].case.customer is None
    assert "customer.listed" in await stage.event_names(interaction)


async def test_a_phone_book_that_hangs_delays_nobody_and_a_known_customer_is_not_looked_up(
    stage: Stage, answers: Answers
) -> None:
    """The call is answered and talks while the question is still open."""
    answers.go_on.clear()
    book = PhoneBook(WebBook(answers.url, PATIENCE_S), region="HR", timeout_s=PATIENCE_S)
    stage.center._arrivals._phone_book = book
    interaction = await stage.talking(number=STRANGER)
    await stage.until(lambda: answers.asked)
    assert stage.phase(interaction) == "talking"
    await stage.center.commands.edit_case(ANNA, stage.case_of(interaction), "policy_holder", "Jane, as she said", 0)
    answers.go_on.set()
    await stage.until(lambda: stage.center.engine.works[interaction].listed)
    (value,) = stage.center.engine.works[interaction].case.values["policy_holder"]
    assert value.text == "Jane, as she said"
    await stage.customer_calls(ANA_K)
    await stage.until(lambda: any(work.customer for work in stage.center.engine.works.values()))
    assert answers.asked == ["+442079460999"]
    await book.close()
