"""The terms of use that hold as long as an academy has defined none: version 0, in Dutch and English."""

from collections.abc import Mapping
from typing import Final

DEFAULT_TERMS_VERSION: Final = 0

DEFAULT_TERMS: Final[Mapping[str, str]] = {
    "nl": """\
Met een account van je academy volg je leeractiviteiten en zie je wat daarbij hoort. Door akkoord te gaan beloof je \
er op de volgende manier mee om te gaan.

Je account is voor jou alleen. Kies een wachtwoord dat je nergens anders gebruikt, houd het geheim en laat niemand \
onder jouw naam inloggen. Denk je dat iemand anders je wachtwoord kent? Kies dan meteen een nieuw en meld het bij de \
beheerder van je academy.

Gebruik de academy waarvoor die bedoeld is: leren en ontwikkelen. Probeer niet bij gegevens te komen die niet voor \
jou bestemd zijn en verstoor het gebruik door anderen niet.

De leerstof is van je academy of van wie haar maakte. Je mag haar voor je eigen leren gebruiken, maar niet zonder \
toestemming verspreiden.

Je organisatie heeft je naam, e-mailadres, personeelsnummer en plaats in de organisatie doorgegeven. Die gegevens en \
wat je in de academy doet, worden alleen gebruikt om je te laten leren en om je organisatie te laten zien hoe dat \
gaat. Ga zelf even zorgvuldig om met wat je van anderen ziet.

Klopt er iets niet in je gegevens, of wil je weten wat er van je bewaard wordt? Vraag het de beheerder van je academy. \
Veranderen deze voorwaarden, dan vragen we je opnieuw of je akkoord gaat.""",
    "en": """\
With an account of your academy you take part in learning activities and see what belongs to them. By accepting, you \
promise to use it as follows.

Your account is for you alone. Choose a password that you use nowhere else, keep it secret and let nobody log in \
under your name. Do you think that somebody else knows your password? Choose a new one at once and tell the \
administrator of your academy.

Use the academy for what it is meant for: learning and development. Do not try to reach data that is not meant for \
you, and do not disturb its use by others.

The learning material belongs to your academy or to whoever made it. You may use it for your own learning, but not \
spread it without permission.

Your organisation has passed on your name, e-mail address, personnel number and place in the organisation. Those data \
and what you do in the academy are used only to let you learn and to show your organisation how that is going. Take \
the same care of what you see of others.

Is something in your data not right, or do you want to know what is kept about you? Ask the administrator of your \
academy. If these terms change, we will ask you again whether you accept them.""",
}
