"""The context bundle: what a specialist gets before the phone rings, content-addressed by its digest."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from context.model import Case, ContextBundle, Customer, PastContact
from context.record import open_required
from vocabulary import EscalationId, InteractionId, PersonId


def make_bundle(
    *,
    escalation: EscalationId,
    interaction: InteractionId,
    case: Case,
    customer: Customer | None,
    caller_number: str,
    requested_by: PersonId,
    reason: str,
    history: tuple[PastContact, ...],
) -> ContextBundle:
    """Freeze what is known now into a bundle; equal content gives an equal digest."""
    bundle = ContextBundle(
        escalation=escalation,
        interaction=interaction,
        case=case,
        customer=customer,
        caller_number=caller_number,
        requested_by=requested_by,
        reason=reason,
        history=history,
        open_required=open_required(case),
        digest="",
    )
    return replace(bundle, digest=hashlib.sha256(bundle_text(bundle).encode()).hexdigest())


def bundle_text(bundle: ContextBundle) -> str:
    """The bundle's content as canonical JSON: the bundle's digest is the SHA-256 of this text in UTF-8."""
    content = {
        "interaction": bundle.interaction,
        "case": case_json(bundle.case),
        "customer": asdict(bundle.customer) if bundle.customer else None,
        "caller_number": bundle.caller_number,
        "requested_by": bundle.requested_by,
        "reason": bundle.reason,
        "history": [past_contact_json(contact) for contact in bundle.history],
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def case_json(case: Case) -> dict[str, Any]:
    """A case as screens and bundles show it: every field of the template with its values and their origin."""
    return {
        "id": case.id,
        "queue": case.queue,
        "version": case.version,
        "outcome": case.outcome,
        "open_required": list(open_required(case)),
        "fields": [
            {
                "key": spec.key,
                "label": spec.label,
                "required": spec.required,
                "kind": spec.kind.value,
                "choices": list(spec.choices),
                "values": [
                    {
                        "text": value.text,
                        "source": value.source.value,
                        "author": value.author,
                        "at": utc_text(value.at),
                        "version": value.version,
                    }
                    for value in case.values.get(spec.key, ())
                ],
            }
            for spec in case.template.fields
        ],
    }


def customer_json(customer: Customer | None) -> dict[str, Any] | None:
    return {"id": customer.id, "name": customer.name, "note": customer.note} if customer else None


def past_contact_json(contact: PastContact) -> dict[str, Any]:
    return {
        "at": utc_text(contact.at),
        "channel": contact.channel,
        "summary": contact.summary,
        "outcome": contact.outcome,
        "handled_by": contact.handled_by,
        "interaction": contact.interaction,
    }


def bundle_json(bundle: ContextBundle) -> dict[str, Any]:
    """The bundle as it is pushed over MQTT to screens that live there (design: context contract)."""
    return {
        "escalation": bundle.escalation,
        "interaction": bundle.interaction,
        "digest": bundle.digest,
        "requested_by": bundle.requested_by,
        "reason": bundle.reason,
        "caller_number": bundle.caller_number,
        "customer": customer_json(bundle.customer),
        "case": case_json(bundle.case),
        "open_required": list(bundle.open_required),
        "history": [past_contact_json(contact) for contact in bundle.history],
    }


def utc_text(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, as every document shows times."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
