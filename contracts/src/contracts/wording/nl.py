"""Dutch sentences, by code (see `contracts.sentences`). Keys with a + are parts of sentences."""

from collections.abc import Mapping
from typing import Final

SENTENCES: Final[Mapping[str, tuple[str, ...]]] = {
    "required": ("{column} is leeg. Vul dit in: het is verplicht.", "Er ontbreekt een verplicht gegeven. Vul het in."),
    "required/personnel_number": (
        "Personeelsnummer is leeg. Vul het in: hieraan wordt de gebruiker herkend. "
        "Een relatie- of klantnummer mag ook.",
    ),
    "invalid_email": (
        "{value} is geen geldig e-mailadres. Vul één adres in zoals naam@bedrijf.nl, zonder spaties of accenten.",
        "Dit is geen geldig e-mailadres. Vul een adres in zoals naam@bedrijf.nl.",
    ),
    "invalid_flag": (
        "{value} is niet te lezen als aan of uit bij {column}. Vul x in voor aan of - voor uit.",
        "Deze waarde is niet te lezen als aan of uit. Vul x in voor aan of - voor uit.",
    ),
    "invalid_cell": (
        "De inhoud van {column} is niet bruikbaar: {value}. Typ de waarde als tekst.",
        "De inhoud van {column} is niet bruikbaar. Typ de waarde als tekst.",
        "De inhoud van deze cel is niet bruikbaar. Typ de waarde als tekst.",
    ),
    "invalid_cell/date": (
        "Bij {column} staat een datum ({value}). Geef de cel de opmaak Tekst en typ de waarde opnieuw.",
        "Hier staat een datum. Geef de cel de opmaak Tekst en typ de waarde opnieuw.",
    ),
    "invalid_cell/fraction": (
        "Bij {column} staat een getal met decimalen ({value}). Geef de cel de opmaak Tekst en typ het nummer opnieuw.",
        "Hier staat een getal met decimalen. Geef de cel de opmaak Tekst en typ het nummer opnieuw.",
    ),
    "invalid_cell/too_large": (
        "Het getal bij {column} is te groot voor een rekenblad: de laatste cijfers zijn mogelijk verloren ({value}). "
        "Geef de cel de opmaak Tekst en typ het nummer opnieuw.",
        "Dit getal is te groot voor een rekenblad. Geef de cel de opmaak Tekst en typ het nummer opnieuw.",
    ),
    "invalid_cell/excel_error": (
        "Bij {column} staat een foutwaarde van het rekenblad ({value}). Herstel de formule of typ de waarde zelf.",
        "Hier staat een foutwaarde van het rekenblad. Herstel de formule of typ de waarde zelf.",
    ),
    "too_long": (
        "{column} is te lang: {length} tekens, en er passen er {max}. Kort de tekst in.",
        "{column} is te lang: er passen {max} tekens. Kort de tekst in.",
        "{column} is te lang. Kort de tekst in.",
        "Deze tekst is te lang. Kort hem in.",
    ),
    "invalid_characters": (
        "{column} bevat onzichtbare of beschadigde tekens ({value}). Typ de waarde opnieuw, zonder te plakken.",
        "{column} bevat onzichtbare of beschadigde tekens. Typ de waarde opnieuw, zonder te plakken.",
        "Deze waarde bevat onzichtbare of beschadigde tekens. Typ haar opnieuw, zonder te plakken.",
    ),
    "duplicate_in_file": (
        "{column} {value} staat ook op regel {first_row} van dit bestand. Alleen regel {first_row} telt; verwijder deze "
        "regel of verbeter hem.",
        "Deze gebruiker staat ook op regel {first_row} van dit bestand. Alleen regel {first_row} telt; verwijder deze "
        "regel of verbeter hem.",
        "Deze gebruiker staat al eerder in dit bestand. Alleen de eerste regel telt; verwijder deze regel of verbeter "
        "hem.",
    ),
    "unknown_company": (
        "Bedrijf {value} past op meer dan één bedrijf: {matches}. Vul de code of de volledige naam in van het bedrijf "
        "dat je bedoelt.",
        "Bedrijf {value} staat niet in de organisatiestructuur. Verbeter de naam of voeg het bedrijf daar eerst toe.",
        "Dit bedrijf staat niet in de organisatiestructuur. Verbeter de naam of voeg het bedrijf daar eerst toe.",
    ),
    "unknown_department": (
        "Afdeling {value} past op meer dan één afdeling: {matches}. Vul de code of de volledige naam in van de "
        "afdeling die je bedoelt.",
        "Afdeling {value} bestaat niet bij bedrijf {company}. Verbeter de naam of voeg de afdeling eerst toe in de "
        "organisatiestructuur.",
        "Afdeling {value} staat niet in de organisatiestructuur. Verbeter de naam of voeg de afdeling daar eerst toe.",
        "Deze afdeling staat niet in de organisatiestructuur. Verbeter de naam of voeg de afdeling daar eerst toe.",
    ),
    "department_not_in_company": (
        "De huidige afdeling {department} van deze gebruiker hoort niet bij bedrijf {company}. Vul ook een afdeling van "
        "dat bedrijf in.",
        "Afdeling {value} hoort niet bij bedrijf {company}, wel bij {others}. Verbeter het bedrijf of de afdeling.",
        "Afdeling {value} hoort niet bij bedrijf {company}. Verbeter het bedrijf of de afdeling.",
        "Deze afdeling hoort niet bij dit bedrijf. Verbeter het bedrijf of de afdeling.",
    ),
    "unknown_function": (
        "Functie {value} past op meer dan één functie: {matches}. Vul de code of de volledige naam in van de functie "
        "die je bedoelt.",
        "Functie {value} staat niet in de organisatiestructuur. Verbeter de naam of voeg de functie daar eerst toe.",
        "Deze functie staat niet in de organisatiestructuur. Verbeter de naam of voeg de functie daar eerst toe.",
    ),
    "unknown_language": (
        "{value} is geen bekende taal. Vul een taal in zoals Nederlands of nl, of laat leeg voor de standaardtaal.",
        "Deze taal is niet bekend. Vul een taal in zoals Nederlands of nl, of laat leeg voor de standaardtaal.",
    ),
    "language_not_enabled": (
        "De taal {language} staat niet aan in deze academy. Een beheerder van de academy kan haar aanzetten; kies "
        "anders een andere taal of laat leeg voor de standaardtaal.",
        "Deze taal staat niet aan in deze academy. Een beheerder van de academy kan haar aanzetten; kies anders een "
        "andere taal of laat leeg voor de standaardtaal.",
    ),
    "email_in_use": (
        "E-mailadres {value} is nu nog van {who}, op regel {row} van dit bestand. Importeer deze regel opnieuw na "
        "regel {row}, of vul een ander adres in.",
        "Dit e-mailadres hangt af van regel {row} van dit bestand. Importeer deze regel opnieuw na regel {row}, of vul "
        "een ander adres in.",
        "E-mailadres {value} is al van {who}. Vul een ander adres in of pas eerst die gebruiker aan.",
        "Dit e-mailadres is al van {who}. Vul een ander adres in of pas eerst die gebruiker aan.",
        "Dit e-mailadres is al van een andere gebruiker. Vul een ander adres in of pas eerst die gebruiker aan.",
    ),
    "email_in_use/own": (
        "Het eerdere e-mailadres van deze gebruiker is nu van {who}, op regel {row} van dit bestand. Vul een nieuw adres "
        "in, of importeer deze regel opnieuw na regel {row}.",
        "Het eerdere e-mailadres van deze gebruiker is nu van {who}. Vul een nieuw adres in.",
        "Het eerdere e-mailadres van deze gebruiker is nu van iemand anders. Vul een nieuw adres in.",
    ),
    "personnel_number_conflict": (
        "Het personeelsnummer of het e-mailadres is al van {who}. Gebruik het personeelsnummer {personnel_number} als je "
        "die gebruiker bedoelt, en anders een ander nummer of adres.",
        "Het personeelsnummer of het e-mailadres is al van {who}. Pas die gebruiker aan, of vul een ander nummer of "
        "adres in.",
        "Het personeelsnummer of het e-mailadres is al van een andere gebruiker. Pas die gebruiker aan, of vul een "
        "ander nummer of adres in.",
    ),
    "personnel_number_conflict/number": (
        "Personeelsnummer {personnel_number} is al van {who}. Pas die gebruiker aan of vul een ander nummer in.",
        "Dit personeelsnummer is al in gebruik. Pas die gebruiker aan of vul een ander nummer in.",
    ),
    "personnel_number_conflict/email": (
        "Het e-mailadres is nu nog van {who}, op regel {row} van dit bestand. Importeer deze regel opnieuw na regel "
        "{row}, of vul een ander adres in; bedoel je die gebruiker, gebruik dan personeelsnummer {personnel_number}.",
        "Het e-mailadres is al van {who}, onder een ander personeelsnummer. Gebruik personeelsnummer "
        "{personnel_number} als je die gebruiker bedoelt, en anders een ander e-mailadres.",
        "Het e-mailadres is al van een gebruiker met een ander personeelsnummer. Gebruik dat nummer, of een ander "
        "e-mailadres.",
    ),
    "last_administrator": (
        "De laatste actieve beheerder van de academie kan niet inactief worden of verdwijnen. Kies eerst een andere beheerder.",
    ),
    "terms_not_allowed": (
        "Alleen de gebruiker zelf gaat akkoord met de gebruikersvoorwaarden. Laat Akkoord gebruikersvoorwaarden leeg; "
        "je mag het alleen aanzetten bij het terugzetten van een verwijderde gebruiker die eerder akkoord was.",
    ),
    "not_processed": (
        "Dit kon door een storing niet worden verwerkt, maar is niet verloren: het staat apart onder {dead_letter} en "
        "kan opnieuw worden verwerkt. Geef dat nummer door aan de beheerder van het systeem.",
        "Dit kon door een storing niet worden verwerkt, maar is niet verloren: het staat apart en kan opnieuw worden "
        "verwerkt. Vraag dat aan de beheerder van het systeem.",
    ),
    "not_found": (
        "Er is geen gebruiker met personeelsnummer {value}. Controleer het nummer of voeg de gebruiker eerst toe.",
        "Deze gebruiker is er niet. Controleer het personeelsnummer of voeg de gebruiker eerst toe.",
    ),
    "not_found/import": (
        "Er is geen import {value} in deze academy. Controleer het nummer in de lijst van imports.",
        "Deze import is er niet in deze academy. Controleer het nummer in de lijst van imports.",
    ),
    "unreadable_file": (
        "Dit bestand is niet te lezen; het is beschadigd of is geen echt rekenblad. Open het in je "
        "rekenbladprogramma, sla het op als .xlsx en upload het opnieuw.",
    ),
    "unreadable_file/encoding": (
        "De tekens in dit tekstbestand zijn niet te lezen. Sla het op als .xlsx of als csv in UTF-8 en upload het "
        "opnieuw.",
    ),
    "unreadable_file/quote": (
        'In de rij die begint op regel {line} van dit tekstbestand staat een aanhalingsteken (") dat niet wordt '
        "afgesloten of midden in een waarde staat. Verwijder het of sluit het af, en upload het bestand opnieuw.",
    ),
    "unreadable_file/dimension": (
        "Dit bestand heeft cellen ver buiten de tabel. Verwijder de kolommen na kolom 64 en de lege regels onder de "
        "tabel, sla het op en upload het opnieuw.",
    ),
    "unsupported_format": (
        "Dit soort bestand kan niet worden ingelezen. Sla je gegevens op als .xlsx, .xls, .ods of .csv en upload dat "
        "bestand.",
    ),
    "unsupported_format/macro": (
        "Dit bestand bevat macro's en wordt daarom niet ingelezen. Kies in je rekenbladprogramma Opslaan als, "
        "bestandstype Excel-werkmap (.xlsx), en upload dat bestand.",
    ),
    "encrypted_file": (
        "Dit bestand is beveiligd met een wachtwoord. Sla het op zonder wachtwoord en upload het opnieuw.",
    ),
    "file_too_large": (
        "Dit bestand is te groot: {limit} is het meeste. Verdeel de gebruikers over meer bestanden of haal weg wat er "
        "niet in hoort.",
        "Dit bestand is te groot. Verdeel de gebruikers over meer bestanden of haal weg wat er niet in hoort.",
    ),
    "too_many_rows": (
        "Dit bestand heeft meer dan {limit} regels. Verdeel de gebruikers over meer bestanden.",
        "Dit bestand heeft te veel regels. Verdeel de gebruikers over meer bestanden.",
    ),
    "missing_columns": (
        "Deze kolommen ontbreken: {fields}. Voeg ze toe, of neem het template en vul dat. De koppen moeten samen op één "
        "regel staan, binnen de eerste {within} regels.",
        "Deze kolommen ontbreken: {fields}. Voeg ze toe, of neem het template en vul dat.",
        "Er ontbreken kolommen. Neem het template en vul dat.",
    ),
    "duplicate_columns": (
        "Deze kolommen staan er meer dan eens in: {columns}. Laat van elke kolom één over.",
        "Er staan kolommen meer dan eens in. Laat van elke kolom één over.",
    ),
    "empty_file": (
        "Er staan geen gebruikers in dit bestand. Vul onder de koppen een regel per gebruiker in en upload het "
        "opnieuw.",
    ),
    "unknown_academy": (
        "Academy {value} bestaat niet. Controleer de naam, of maak de academy eerst aan.",
        "Deze academy bestaat niet. Controleer de naam, of maak de academy eerst aan.",
    ),
    "leading_zeros": (
        "In {column} staan getallen: nullen aan het begin zijn mogelijk verloren. Geef de kolom de opmaak Tekst als de "
        "nummers met een nul beginnen.",
        "Er staan getallen waar tekst hoort: nullen aan het begin zijn mogelijk verloren.",
    ),
    "ignored_column": (
        "Kolom {columns} is niet bekend en wordt overgeslagen. Staat er iets in dat je nodig hebt, neem dan de kop uit "
        "het template over.",
        "Een onbekende kolom wordt overgeslagen.",
    ),
    "only_updates": (
        "Zonder {fields} kunnen alleen bestaande gebruikers worden bijgewerkt. Voeg de ontbrekende kolommen toe als er "
        "nieuwe gebruikers in staan.",
        "In dit bestand ontbreken kolommen die voor nieuwe gebruikers verplicht zijn: alleen bestaande gebruikers "
        "kunnen worden bijgewerkt.",
    ),
    "old_template": (
        "Dit template is gemaakt voordat de organisatiestructuur veranderde. Download een nieuw template als je een "
        "bedrijf, afdeling of functie mist.",
    ),
    "+suggestion": ("Bedoel je {suggestion}?",),
    "+and": (" en ",),
    "+thousands": (".",),
    "+unknown": ("Er is iets niet in orde ({code}). Controleer de gegevens.",),
}
