"""What the mails say, per kind and language. Dutch says *je*. Names stand inside sentences, never before a full stop ("B.V.")."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from notify_service.domain import MailKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The sentences of a mail; `{academy}`, `{name}`, and `{date}` and `{time}` of its end are filled in."""

    locale: str
    """Of Babel, for dates and times."""
    subject: str
    heading: str
    greeting: str
    greeting_without_name: str
    intro: str
    button: str
    fallback: str
    validity: str
    unexpected: str
    footer: str


_INVITATION: Final[Mapping[str, Texts]] = {
    "nl": Texts(
        locale="nl_NL",
        subject="Je uitnodiging voor {academy}",
        heading="Welkom bij {academy}",
        greeting="Hallo {name},",
        greeting_without_name="Hallo,",
        intro="Bij {academy} staat een account voor je klaar. Open je uitnodiging om voor de eerste keer in te loggen.",
        button="Uitnodiging openen",
        fallback="Werkt de knop niet? Kopieer dan deze link naar je browser:",
        validity="De link is alleen voor jou en werkt tot {date}. Stuur deze e-mail daarom niet door.",
        unexpected="Verwachtte je deze uitnodiging niet? Dan hoef je niets te doen.",
        footer="{academy} verstuurt deze e-mail automatisch; antwoorden worden niet gelezen.",
    ),
    "en": Texts(
        locale="en_GB",
        subject="Your invitation to {academy}",
        heading="Welcome to {academy}",
        greeting="Hello {name},",
        greeting_without_name="Hello,",
        intro="Your account at {academy} is ready. Open your invitation to log in for the first time.",
        button="Open invitation",
        fallback="Does the button not work? Copy this link into your browser:",
        validity="The link is for you alone and works until {date}, so please do not forward this e-mail.",
        unexpected="Were you not expecting this invitation? You can safely ignore this e-mail.",
        footer="{academy} sent this e-mail automatically; replies are not read.",
    ),
}

_PASSWORD_RESET: Final[Mapping[str, Texts]] = {
    "nl": Texts(
        locale="nl_NL",
        subject="Een nieuw wachtwoord voor {academy}",
        heading="Kies een nieuw wachtwoord",
        greeting="Hallo {name},",
        greeting_without_name="Hallo,",
        intro="Voor je account bij {academy} is een nieuw wachtwoord aangevraagd. Open de link om er een te kiezen.",
        button="Wachtwoord kiezen",
        fallback="Werkt de knop niet? Kopieer dan deze link naar je browser:",
        validity="De link is alleen voor jou en werkt één keer, tot {time} uur op {date}. Stuur deze e-mail niet door.",
        unexpected="Vroeg je dit niet zelf aan? Dan hoef je niets te doen: je wachtwoord blijft zoals het is.",
        footer="{academy} verstuurt deze e-mail automatisch; antwoorden worden niet gelezen.",
    ),
    "en": Texts(
        locale="en_GB",
        subject="A new password for {academy}",
        heading="Choose a new password",
        greeting="Hello {name},",
        greeting_without_name="Hello,",
        intro="A new password was requested for your account at {academy}. Open the link to choose one.",
        button="Choose password",
        fallback="Does the button not work? Copy this link into your browser:",
        validity="The link is for you alone and works once, until {time} on {date}. Please do not forward this e-mail.",
        unexpected="Did you not request this? You can safely ignore this e-mail: your password stays as it is.",
        footer="{academy} sent this e-mail automatically; replies are not read.",
    ),
}

TEXTS: Final[Mapping[MailKind, Mapping[str, Texts]]] = {
    "invitation": _INVITATION,
    "password_reset": _PASSWORD_RESET,
}
