"""The page behind the link of an invitation: who is invited where, and until when."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from user_service.domain.organisation import Organisation
from user_service.domain.person import User
from user_service.pages.texts import FALLBACK, TEXTS, State
from user_service.tokens import InvitationClaim

_STATUS: Final[dict[State, int]] = {"unknown": 404, "expired": 410, "replaced": 410}
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}


@dataclass(frozen=True, slots=True)
class _Block:
    """One language's part of the page."""

    language: str
    heading: str
    paragraphs: list[str]
    facts: list[tuple[str, str]]


def invitation_page(
    claim: InvitationClaim | None,
    found: tuple[str, User] | None,
    organisation: Organisation | None,
    now: datetime,
    zone: ZoneInfo,
) -> HTMLResponse:
    """The page for whoever has the link. `found` is the academy and person of the claimed invitation."""
    user = found[1] if found is not None else None
    state = state_of(claim, user, now)
    html = render_invitation(state, user, organisation, claim, zone)
    return HTMLResponse(html, _STATUS.get(state, 200), _HEADERS)


def state_of(claim: InvitationClaim | None, user: User | None, now: datetime) -> State:
    """What can be said of the claim: only the newest generation of an active person can be valid."""
    if claim is None or user is None or user.invitation.invitation_id != claim.invitation_id:
        return "unknown"
    invitation = user.invitation
    if invitation.status == "accepted" and not user.deleted:
        return "accepted"
    if user.deleted or claim.generation != invitation.generation:
        return "replaced"
    if invitation.status == "waiting":
        return "not_active"
    if invitation.status != "open":
        return "replaced"
    if not invitation.is_valid(now) or claim.expires_at <= now:
        return "expired"
    return "valid" if user.active else "not_active"


def render_invitation(
    state: State,
    user: User | None,
    organisation: Organisation | None,
    claim: InvitationClaim | None,
    zone: ZoneInfo,
) -> str:
    """The HTML. In the person's language, else the academy's; in all of them if nobody is known. Names are escaped."""
    known = state != "unknown"
    languages = [_language(user, organisation)] if known else list(TEXTS)
    academy = organisation.name if organisation is not None and known else ""
    expires = claim.expires_at.astimezone(zone) if claim is not None else None
    blocks = []
    for language in languages:
        texts = TEXTS[language]
        shown = format_date(expires, "long", locale=texts.locale) if expires is not None else ""
        name = user.name if user is not None and state == "valid" else ""
        facts = [(texts.who, name), (texts.academy, academy), (texts.until, shown if state == "valid" else "")]
        words = {"name": name, "academy": academy, "date": shown}
        blocks.append(
            _Block(
                language,
                texts.headings[state],
                [paragraph.format_map(words) for paragraph in texts.paragraphs[state]],
                [(term, text) for term, text in facts if text],
            )
        )
    return _template().render(blocks=blocks, title=academy or blocks[0].heading)


def _language(user: User | None, organisation: Organisation | None) -> str:
    wanted = (user.language if user else None, organisation.default_language if organisation else None)
    return next((language for language in wanted if language is not None and language in TEXTS), FALLBACK)


@lru_cache(maxsize=1)
def _template() -> Template:
    loader = PackageLoader("user_service", "pages")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template("invitation.html")
