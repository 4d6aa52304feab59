"""What the invitation's page says, per language. Names stand before no full stop ("B.V.")."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

State = Literal["valid", "expired", "replaced", "accepted", "not_active", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """`headings` and `paragraphs` per state; `{name}`, `{academy}` and `{date}` are filled in."""

    locale: str
    """Of Babel, for dates."""
    headings: Mapping[State, str]
    paragraphs: Mapping[State, tuple[str, ...]]
    who: str
    academy: str
    until: str


_NL: Final = Texts(
    locale="nl_NL",
    headings={
        "valid": "Je bent uitgenodigd",
        "expired": "Deze uitnodiging is verlopen",
        "replaced": "Deze uitnodiging geldt niet meer",
        "accepted": "Je hebt deze uitnodiging al gebruikt",
        "not_active": "Je account is nog niet actief",
        "unknown": "Deze uitnodiging kennen we niet",
    },
    paragraphs={
        "valid": (
            "Hallo {name}, voor jou staat een account klaar.",
            "Je kunt je account hier binnenkort activeren; dat kan nu nog niet. Bewaar daarom de e-mail met deze link.",
        ),
        "expired": ("De link werkte tot {date}. Vraag je beheerder om een nieuwe uitnodiging.",),
        "replaced": (
            "De uitnodiging is ingetrokken of vervangen door een nieuwere. Kijk of je een latere e-mail hebt ontvangen, "
            "of vraag je beheerder om een nieuwe uitnodiging.",
        ),
        "accepted": ("Je hoeft niets meer te doen. Met deze link kan niemand nog iets.",),
        "not_active": (
            "Je beheerder heeft je account nog niet op actief gezet, of tijdelijk stopgezet. Zodra het actief is, krijg "
            "je een nieuwe uitnodiging per e-mail.",
        ),
        "unknown": (
            "Misschien is de link niet helemaal overgenomen. Open hem vanuit de e-mail, of vraag je beheerder om een "
            "nieuwe uitnodiging.",
        ),
    },
    who="Voor",
    academy="Academy",
    until="Geldig tot",
)

_EN: Final = Texts(
    locale="en_GB",
    headings={
        "valid": "You are invited",
        "expired": "This invitation has expired",
        "replaced": "This invitation is no longer valid",
        "accepted": "You have used this invitation already",
        "not_active": "Your account is not active yet",
        "unknown": "We do not know this invitation",
    },
    paragraphs={
        "valid": (
            "Hello {name}, an account is waiting for you.",
            "You will soon be able to activate your account here; that is not possible yet. Please keep the e-mail with "
            "this link.",
        ),
        "expired": ("The link worked until {date}. Please ask your administrator for a new invitation.",),
        "replaced": (
            "The invitation was withdrawn, or replaced by a newer one. See if you received a later e-mail, or ask your "
            "administrator for a new invitation.",
        ),
        "accepted": ("There is nothing left to do. Nobody can do anything with this link any more.",),
        "not_active": (
            "Your administrator has not activated your account yet, or has suspended it. As soon as it is active you "
            "will receive a new invitation by e-mail.",
        ),
        "unknown": (
            "Perhaps the link was not copied completely. Open it from the e-mail, or ask your administrator for a new "
            "invitation.",
        ),
    },
    who="For",
    academy="Academy",
    until="Valid until",
)

TEXTS: Final[Mapping[str, Texts]] = {"nl": _NL, "en": _EN}
FALLBACK: Final = "en"
