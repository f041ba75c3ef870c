"""The registrar: RFC 3261 §10.3, flows after RFC 5626, events and persistence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from telephony.events import PhoneRegistered, PhoneUnregistered
from telephony.headers import Flow
from telephony.registrar import Binding, LocationTable, RegistrarSettings, register
from tests.telephony import requests
from vocabulary import PersonId

ANA = PersonId("ana")
SETTINGS = RegistrarSettings()
DESK = "<sip:ana@10.0.0.5:5060>"
SOFT = "<sip:ana@10.0.0.6:5062;transport=tcp>"


def _contacts(bindings: tuple[Binding, ...]) -> list[str]:
    return [binding.contact for binding in bindings]


def test_binding_gets_the_flow_its_request_came_over() -> None:
    """RFC 5626 §3.1: a phone behind NAT is reached the way it came."""
    source = Flow("tcp", "203.0.113.9", 40_001)
    got = register((), ANA, requests.register(1, DESK, source=source), SETTINGS, 1_000.0)
    assert got.status == 200
    assert got.bindings[0].flow == source


def test_expires_comes_from_contact_then_header_then_default_and_is_capped() -> None:
    one = register((), ANA, requests.register(1, DESK + ";expires=120", expires="300"), SETTINGS, 0.0)
    two = register((), ANA, requests.register(1, DESK, expires="300"), SETTINGS, 0.0)
    three = register((), ANA, requests.register(1, DESK), SETTINGS, 0.0)
    four = register((), ANA, requests.register(1, DESK, expires="99999999"), SETTINGS, 0.0)
    assert [got.bindings[0].expires_at for got in (one, two, three, four)] == [120.0, 300.0, 600.0, 3600.0]


def test_too_short_expires_is_answered_423_with_min_expires() -> None:
    got = register((), ANA, requests.register(1, DESK + ";expires=5"), SETTINGS, 0.0)
    assert (got.status, got.headers, got.bindings) == (423, (("Min-Expires", "60"),), ())


def test_several_contacts_live_side_by_side_and_the_answer_lists_them() -> None:
    first = register((), ANA, requests.register(1, DESK), SETTINGS, 0.0)
    second = register(first.bindings, ANA, requests.register(1, SOFT, call_id="other"), SETTINGS, 100.0)
    assert second.headers == (
        ("Contact", "<sip:ana@10.0.0.5:5060>;expires=500"),
        ("Contact", "<sip:ana@10.0.0.6:5062;transport=tcp>;expires=600"),
    )


def test_sixth_contact_is_refused_and_changes_nothing() -> None:
    contacts = [f"<sip:ana@10.0.0.{host}>" for host in range(5)]
    full = register((), ANA, requests.register(1, *contacts), SETTINGS, 0.0)
    got = register(full.bindings, ANA, requests.register(1, DESK, call_id="sixth"), SETTINGS, 1.0)
    assert (got.status, got.bindings) == (403, full.bindings)


def test_star_with_expires_zero_removes_all() -> None:
    first = register((), ANA, requests.register(1, DESK, SOFT), SETTINGS, 0.0)
    got = register(first.bindings, ANA, requests.register(2, "*", expires="0"), SETTINGS, 1.0)
    assert (got.status, got.bindings) == (200, ())


def test_star_with_another_expires_or_contact_is_bad_request() -> None:
    first = register((), ANA, requests.register(1, DESK), SETTINGS, 0.0)
    for bad in (requests.register(2, "*", expires="60"), requests.register(2, "*", SOFT, expires="0")):
        got = register(first.bindings, ANA, bad, SETTINGS, 1.0)
        assert (got.status, got.bindings) == (400, first.bindings)


def test_lower_cseq_of_the_same_call_id_changes_nothing() -> None:
    """RFC 3261 §10.3 step 7: a delayed request must not undo a later one."""
    first = register((), ANA, requests.register(5, DESK), SETTINGS, 0.0)
    got = register(first.bindings, ANA, requests.register(4, DESK + ";expires=0"), SETTINGS, 1.0)
    assert (got.status, got.bindings) == (500, first.bindings)


def test_retransmitted_request_gets_the_same_answer_and_does_not_refresh() -> None:
    first = register((), ANA, requests.register(5, DESK), SETTINGS, 0.0)
    got = register(first.bindings, ANA, requests.register(5, DESK), SETTINGS, 1.0)
    assert (got.status, got.bindings) == (200, first.bindings)


def test_restarted_phone_with_the_same_instance_replaces_its_old_binding() -> None:
    """RFC 5626 §6: +sip.instance identifies the phone, whatever its new port."""
    tag = ';+sip.instance="<urn:uuid:1>"'
    first = register((), ANA, requests.register(1, DESK + tag), SETTINGS, 0.0)
    got = register(first.bindings, ANA, requests.register(1, SOFT + tag, call_id="new"), SETTINGS, 1.0)
    assert _contacts(got.bindings) == ["sip:ana@10.0.0.6:5062;transport=tcp"]


def test_query_without_contacts_changes_nothing() -> None:
    first = register((), ANA, requests.register(1, DESK), SETTINGS, 0.0)
    got = register(first.bindings, ANA, requests.register(2), SETTINGS, 1.0)
    assert (got.status, got.bindings) == (200, first.bindings)


def test_malformed_contact_or_cseq_is_bad_request() -> None:
    for bad in (requests.register(1, "<nonsense>"), requests.register(1, DESK + ";expires=soon")):
        assert register((), ANA, bad, SETTINGS, 0.0).status == 400
    assert register((), ANA, requests.request("REGISTER", cseq="x REGISTER"), SETTINGS, 0.0).status == 400


def test_first_phone_registers_the_person_and_the_last_expiry_unregisters_him() -> None:
    table = LocationTable(SETTINGS)
    assert table.register(ANA, requests.register(1, DESK), 0.0)[1] == (PhoneRegistered(ANA),)
    assert table.register(ANA, requests.register(1, SOFT, call_id="b", expires="60"), 0.0)[1] == ()
    assert table.expire(61.0) == ()
    assert table.expire(601.0) == (PhoneUnregistered(ANA),)
    assert table.of(ANA, 601.0) == ()


def test_every_change_is_handed_out_to_be_saved_and_saved_bindings_are_live_again() -> None:
    saved: dict[PersonId, tuple[Binding, ...]] = {}
    table = LocationTable(SETTINGS, on_change=saved.__setitem__)
    table.register(ANA, requests.register(1, DESK), 0.0)
    again = LocationTable(SETTINGS, saved[ANA])
    assert _contacts(again.of(ANA, 10.0)) == ["sip:ana@10.0.0.5:5060"]
    assert again.persons() == {ANA}


def test_bindings_of_removed_accounts_are_dropped() -> None:
    table = LocationTable(SETTINGS)
    table.register(ANA, requests.register(1, DESK), 0.0)
    assert table.retain(frozenset({PersonId("other")})) == (PhoneUnregistered(ANA),)


_hosts = st.integers(0, 7).map(lambda host: f"<sip:ana@10.0.0.{host}>")
_steps = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.integers(1, 6),
        st.lists(_hosts, max_size=3),
        st.sampled_from(["0", "60", "600", "9999"]),
        st.floats(0, 400),
    ),
    max_size=25,
)


@given(_steps)
def test_any_sequence_of_requests_keeps_the_registrar_invariants(
    steps: list[tuple[str, int, list[str], str, float]],
) -> None:
    """At most five live bindings, no phone twice, none beyond the longest life, events alternate."""
    table, now, registered = LocationTable(SETTINGS), 0.0, False
    for call_id, cseq, contacts, expires, passed in steps:
        now += passed
        events = list(table.expire(now))
        answer, more = table.register(ANA, requests.register(cseq, *contacts, call_id=call_id, expires=expires), now)
        bindings = table.of(ANA, now)
        assert answer.bindings == bindings
        assert len(bindings) <= SETTINGS.max_contacts
        assert len(set(_contacts(bindings))) == len(bindings)
        assert all(now < binding.expires_at <= now + SETTINGS.max_expires_s for binding in bindings)
        for event in [*events, *more]:
            assert isinstance(event, PhoneUnregistered if registered else PhoneRegistered)
            registered = not registered
        assert registered == bool(bindings)
