"""Where an INVITE goes and whom it shows: flows, NAT, trunks, escaping."""

from __future__ import annotations

import pytest

from telephony.admission import Directory, Trunk
from telephony.headers import Flow
from telephony.model import CallerIdentity, Destination
from telephony.registrar import Binding
from telephony.targets import Target, identity, of_binding, of_number, without_connection
from vocabulary import PersonId

DIRECTORY = Directory(
    trunks=(Trunk("carrier", ("198.51.100.1",), "sip:198.51.100.1:5070;transport=tcp"), Trunk("in", ()))
)


def _binding(contact: str, flow: Flow) -> Binding:
    return Binding(PersonId("ana"), contact, flow, 1e12, "call-1", 1)


@pytest.mark.parametrize(
    ("contact", "flow", "uri"),
    [
        ("sip:ana@10.0.0.5:5062", Flow("udp", "10.0.0.5", 5062), "sip:ana@10.0.0.5:5062"),
        ("sip:ana@10.0.0.5", Flow("udp", "10.0.0.5", 49152), "sip:ana@10.0.0.5"),
        ("sip:ana@192.168.1.5:5062", Flow("udp", "203.0.113.7", 40001), "sip:ana@203.0.113.7:40001"),
        ("sip:ana@10.0.0.5:5060;transport=tcp", Flow("tcp", "10.0.0.5", 40002), "sip:ana@10.0.0.5:40002;transport=tcp"),
        ("sips:ana@10.0.0.5:5061", Flow("tls", "10.0.0.5", 40003), "sip:ana@10.0.0.5:40003;transport=tls"),
        ("sip:ana@[2001:db8::5]:5060;ob", Flow("udp", "2001:db8::5", 5060), "sip:ana@[2001:db8::5]:5060;ob"),
        ("sip:10.0.0.5", Flow("udp", "10.0.0.5", 5060), "sip:10.0.0.5"),
    ],
)
def test_phone_is_reached_over_its_flow_when_its_contact_cannot_be(contact: str, flow: Flow, uri: str) -> None:
    """RFC 5626 §5.3, and RFC 3581 for phones behind NAT."""
    assert of_binding(_binding(contact, flow), "ringside.test") == Target("sip:ana@ringside.test", uri)


def test_saved_connection_is_replaced_by_the_contact() -> None:
    tcp = _binding("sip:ana@10.0.0.5:5066;transport=tcp", Flow("tcp", "10.0.0.5", 40002))
    assert without_connection(tcp).flow == Flow("tcp", "10.0.0.5", 5066)
    udp = _binding("sip:ana@10.0.0.5:5066", Flow("udp", "203.0.113.7", 40001))
    assert without_connection(udp) == udp


def test_number_goes_through_its_trunk() -> None:
    target = of_number(Destination(number="+385911", trunk="carrier"), DIRECTORY)
    assert target == Target("sip:+385911@198.51.100.1:5070", "sip:+385911@198.51.100.1:5070;transport=tcp")


@pytest.mark.parametrize("destination", [Destination(number="1", trunk="none"), Destination(number="1", trunk="in")])
def test_number_without_a_way_out_has_no_target(destination: Destination) -> None:
    assert of_number(destination, DIRECTORY) is None


def test_identity_is_escaped() -> None:
    """A hostile display name or number can add neither header nor parameter."""
    shown = identity(CallerIdentity('An"a\r\nX: y', "a>;tag=1\r\n@evil"), "ringside.test")
    assert shown == '"An\\"aX: y" <sip:a%3E%3Btag=1%0D%0A%40evil@ringside.test>'
    assert identity(CallerIdentity("", ""), "ringside.test") == "<sip:anonymous@ringside.test>"
