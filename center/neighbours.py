"""The other systems that a node may be set up to work with: identity provider, CRM, phone book, the carrier's texts."""

from __future__ import annotations

from center import texts
from center.delivery.model import Rules, Warnings
from center.delivery.runner import DeliveryRunner
from center.phone_book import FileBook, PhoneBook, WebBook
from center.settings import Settings
from center.webhook.outgoing import WebhookEvents
from desk.oidc import OidcLogin
from desk.routes_login import CALLBACK
from desk.settings import OidcSettings
from store.store import Store
from telephony.switch import TextSwitch
from vocabulary import new_id


def make_phone_book(settings: Settings) -> PhoneBook | None:
    """Where names for unknown numbers come from; None: nowhere."""
    section, region = settings.phone_book, settings.store.default_region
    if not section.url and section.file is None:
        return None
    source = FileBook(section.file, region) if section.file else WebBook(section.url, section.timeout_s)
    return PhoneBook(source, region=region, timeout_s=section.timeout_s)


CRM_WARNINGS = Warnings(
    "crm",
    silent="CRM: the other system does not take messages; they wait and are tried again.",
    given_up="CRM: {count} messages were not taken for days and were given up.",
)


class WebhookToCrm:
    """Another system is told what happens: `events` takes it in, the runner sends it."""

    def __init__(self, settings: Settings, store: Store) -> None:
        from center.webhook.sender import Sender  # loads an HTTP client, which few nodes need

        section = settings.webhook
        rules = Rules(give_up_s=section.give_up_days * 86_400, lease_s=30 + 3 * section.timeout_s)
        sender = Sender(section.url, section.secret.get_secret_value(), section.timeout_s)
        self._runner = DeliveryRunner(store.webhooks, sender, new_id("webhook"), rules, CRM_WARNINGS)
        self.events = WebhookEvents(store.webhooks, frozenset(section.events), self._runner.wake)

    def start(self) -> None:
        self._runner.start()
        self.events.start()

    async def stop(self) -> None:
        """First what waits is stored, then what is under way may arrive."""
        await self.events.stop()
        await self._runner.stop()

    def warnings(self) -> list[tuple[str, str]]:
        """What supervisors should know: a code for screens, and a sentence."""
        return self._runner.warnings + self.events.warnings


def make_webhook(settings: Settings, store: Store) -> WebhookToCrm | None:
    """The link to another system; None where none is set up."""
    return WebhookToCrm(settings, store) if settings.webhook.url else None


def make_texts(settings: Settings, store: Store, switch: TextSwitch) -> DeliveryRunner | None:
    """What sends texts to customers; None where they are not sent."""
    if settings.promises.texts == "none":
        return None
    sender = texts.TextSender(switch, store.events, settings.company)
    return DeliveryRunner(store.texts, sender, new_id("texts"), texts.RULES, texts.WARNINGS)


def make_oidc(settings: Settings, store: Store, public: str | None) -> OidcLogin | None:
    """Log-in by an identity provider; None: by password only. `public`: where people reach the desk."""
    section = settings.oidc
    if not section.issuer:
        return None
    oidc = OidcSettings(
        issuer=section.issuer,
        client_id=section.client_id,
        secret=section.secret.get_secret_value(),
        name=section.name,
        claim=section.claim,
        domain=section.domain,
        log_out=section.log_out,
        redirect_uri=f"{public}{CALLBACK}" if public else "",
    )
    return OidcLogin(oidc, store.pending_logins)
