"""Reading SIP header text: the forms phones and carriers send, and the malformed ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.headers import (
    Flow,
    HeaderError,
    is_number_text,
    parse_headers,
    parse_name_addr,
    parse_request,
    parse_uri,
    quoted,
    split_list,
)


def test_name_addr_keeps_display_uri_and_parameters_apart() -> None:
    got = parse_name_addr('"Kos, \\"Ana\\"" <sip:+38511@pbx.test;user=phone>;tag=a1;expires=60')
    assert got.display == 'Kos, "Ana"'
    assert got.uri == "sip:+38511@pbx.test;user=phone"
    assert got.params == {"tag": "a1", "expires": "60"}


def test_addr_spec_without_brackets_gives_its_parameters_to_the_header() -> None:
    """RFC 3261 §20: without angle brackets, parameters belong to the header."""
    got = parse_name_addr("sip:ana@ringside.test;tag=x")
    assert (got.uri, got.params) == ("sip:ana@ringside.test", {"tag": "x"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sip:ana@Ringside.Test", ("sip", "ana", "ringside.test", 0)),
        ("sips:ana:pw@[::1]:5061;transport=tls", ("sips", "ana", "::1", 5061)),
        ("sip:127.0.0.1:5070", ("sip", "", "127.0.0.1", 5070)),
        ("sip:%2B1%202@h?subject=x", ("sip", "+1 2", "h", 0)),
        ("sip:+385;phone-context=x@h", ("sip", "+385", "h", 0)),
        ("tel:+38511;phone-context=hr", ("tel", "+38511", "", 0)),
    ],
)
def test_uri_forms(text: str, expected: tuple[str, str, str, int]) -> None:
    uri = parse_uri(text)
    assert (uri.scheme, uri.user, uri.host, uri.port) == expected


@pytest.mark.parametrize("text", ["", "sip:", "http://x", "sip:a@", "sip:a@h:0", "sip:a@h:99999", "sip:a@[::1", "ana"])
def test_broken_uris_are_errors(text: str) -> None:
    with pytest.raises(HeaderError):
        parse_uri(text)


@pytest.mark.parametrize("text", ['"x <sip:a@h>', '"x" sip:a@h', "<sip:a@h", ""])
def test_broken_addresses_are_errors(text: str) -> None:
    with pytest.raises(HeaderError):
        parse_name_addr(text)


def test_lists_split_at_commas_outside_quotes_and_brackets() -> None:
    assert split_list(['"a, b" <sip:x@h,y>, <sip:z@h>', "<sip:q@h>"]) == [
        '"a, b" <sip:x@h,y>',
        "<sip:z@h>",
        "<sip:q@h>",
    ]


def test_headers_unfold_and_compact_forms_expand() -> None:
    got = parse_headers("f: <sip:a@h>\r\nSubject: one\r\n  two\r\nv: 1\r\nVia: 2\r\n")
    assert got == {"from": ("<sip:a@h>",), "subject": ("one two",), "via": ("1", "2")}


def test_request_with_bad_start_line_is_an_error() -> None:
    flow = Flow("udp", "192.0.2.1", 5060)
    with pytest.raises(HeaderError):
        parse_request("INVITE sip:a@h HTTP/1.1\r\n\r\n", flow)
    assert parse_request("OPTIONS sip:h SIP/2.0\r\nCall-ID: x\r\n\r\nbody", flow).first("call-id") == "x"


def test_numbers_are_told_from_names() -> None:
    assert is_number_text("+385 1".replace(" ", "-"))
    assert not is_number_text("ana1")
    assert not is_number_text("٣")


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_cleanly(text: str) -> None:
    """Robustness: nothing but HeaderError ever leaves the readers."""
    for reader in (parse_uri, parse_name_addr, parse_headers):
        try:
            reader(text)
        except HeaderError:
            continue


@given(st.text(max_size=60))
def test_quoted_display_names_are_read_back(text: str) -> None:
    clean = "".join(char for char in text if char.isprintable())
    assert parse_name_addr(f"{quoted(text)} <sip:a@h>").display == clean
