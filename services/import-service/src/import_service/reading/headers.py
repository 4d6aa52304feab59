"""Which column is which: headers in Dutch, English, German and French at once (`docs/rules.md` 2)."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from contracts.fields import IMPORT_FIELDS, REQUIRED_TO_CREATE
from import_service.reading.cells import as_seen
from import_service.reading.limits import HEADER_WITHIN_ROWS
from import_service.reading.refused import FileRefused
from import_service.reading.sheets import Row

_SPELLINGS: Final = {
    "personnel_number": (
        "Personeelsnummer, Personeelsnr, Personeelnummer, Personeels-ID, Pers.nummer, Pers.nr, Relatienummer, "
        "Relatienr, Relatie-ID, Klantnummer, Klantnr, Klant-ID, Medewerkernummer, Medewerkernr, Medewerkersnummer, "
        "Medewerkersnr, Medewerker-ID, Werknemernummer, Werknemernr, Werknemersnummer, Werknemersnr, Werknemer-ID, "
        "Registratienummer, Registratienr, Stamnummer, Stamnr, "
        "Personnel number, Personnel nr, Personnel no, Personnel ID, Employee number, Employee nr, Employee no, "
        "Employee ID, Staff number, Staff nr, Staff no, Staff ID, Customer number, Customer nr, Customer no, "
        "Customer ID, Relation number, Relation nr, Relation no, Relation ID, "
        "Personalnummer, Personal-Nr, Personal-ID, Mitarbeiternummer, Mitarbeiter-Nr, Mitarbeiter-ID, Kundennummer, "
        "Kunden-Nr, Kunden-ID, "
        "Matricule, N° matricule, N° de matricule, Numéro matricule, Numéro de matricule, N° personnel, "
        "N° du personnel, N° de personnel, Numéro personnel, Numéro du personnel, Numéro de personnel, N° employé, "
        "N° d'employé, Numéro employé, Numéro d'employé, ID employé, N° salarié, N° de salarié, Numéro salarié, "
        "Numéro de salarié, N° client, N° de client, Numéro client, Numéro de client, ID client"
    ),
    "first_name": "Voornaam, Roepnaam, First name, Firstname, Given name, Forename, Vorname, Prénom",
    "infix": (
        "Tussenvoegsel, Tussenvoegsels, Tussenvoegsel(s), Tussenvoegs., Tussenv., Voorvoegsel, Voorvoegsels, "
        "Voorvoegsel(s), Voorv., Infix, Prefix, Name prefix, Surname prefix, Last name prefix, Namenszusatz, "
        "Vorsatzwort, Namensvorsatz, Präfix, Particule, Préfixe"
    ),
    "last_name": (
        "Achternaam, Familienaam, Last name, Surname, Family name, Nachname, Familienname, Zuname, Nom, Nom de famille"
    ),
    "email": (
        "Emailadres, E-mailadres, Email, E-mail, Mail, Mailadres, Email adres, Email address, E-mail address, "
        "Mail address, E-Mail-Adresse, Mailadresse, Adresse e-mail, Adresse email, Adresse mail, Adresse électronique, "
        "Adresse de courriel, Courriel"
    ),
    "company": (
        "Bedrijf, Bedrijfsnaam, Naam bedrijf, Company, Company name, Unternehmen, Firma, Firmenname, Gesellschaft, "
        "Entreprise, Société, Nom de l'entreprise, Nom de la société"
    ),
    "department": (
        "Afdeling, Afd., Afdelingsnaam, Naam afdeling, Department, Dept., Department name, Abteilung, Abt., "
        "Abteilungsname, Département, Dépt., Service"
    ),
    "functions": (
        "Functie, Functies, Functie(s), Functienaam, Function, Functions, Function(s), Function name, Funktion, "
        "Funktionen, Funktion(en), Funktionsname, Fonction, Fonctions, Fonction(s), Nom de la fonction"
    ),
    "cost_centre": (
        "Kostenplaats, Kostplaats, Kostenplaatsnummer, Kostenplaatsnr, "
        "Cost centre, Cost center, Costcentre, Costcenter, Cost centre number, Cost centre nr, Cost centre no, "
        "Cost center number, Cost center nr, Cost center no, "
        "Kostenstelle, Kostenstellennummer, Kostenstellen-Nr, Kostenstelle Nr, "
        "Centre de coûts, Centre de coût, N° centre de coûts, N° de centre de coûts, N° du centre de coûts, "
        "Numéro de centre de coûts, Numéro du centre de coûts"
    ),
    "invite": (
        "Uitnodiging versturen, Uitnodiging, Uitnodigen, Uitnodiging sturen, Uitnodiging verzenden, Send invitation, "
        "Invite, Invitation, Send invite, Einladung senden, Einladung versenden, Einladung, Einladen, "
        "Envoyer l'invitation, Envoyer une invitation, Envoyer invitation, Inviter"
    ),
    "active": "Actief, Active, Aktiv, Actif",
    "language": (
        "Taal, Taalcode, Voorkeurstaal, Language, Language code, Preferred language, Sprache, Sprachcode, Langue, "
        "Code langue, Langue préférée"
    ),
}

# What may stand beside a name; any other word in brackets may tell two columns apart.
_BESIDE_THE_NAME: Final = re.compile(
    r"\(\s*(verplicht|required|mandatory|pflicht|pflichtfeld|obligatoire"
    r"|x|x/-|ja/nee|j/n|yes/no|y/n|ja/nein|oui/non|o/n)\s*\)",
    re.IGNORECASE,
)
_LONGEST_SHOWN: Final = 100

NEEDED_BY_NEW_PEOPLE: Final = ("personnel_number", *REQUIRED_TO_CREATE)


@dataclass(frozen=True, slots=True)
class Column:
    """A column that is known, where it stands and what its header says."""

    field: str
    index: int
    header: str


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a sheet: `row` counts from 0."""

    row: int
    columns: tuple[Column, ...]
    ignored: tuple[tuple[int, str], ...]

    @property
    def missing(self) -> list[str]:
        """The fields without a column that somebody new cannot do without."""
        present = {column.field for column in self.columns}
        return [field for field in NEEDED_BY_NEW_PEOPLE if field not in present]


def normal(header: str) -> str:
    """A header without case, accents, space, hyphen, punctuation, `*`, "(verplicht)" and "(x)"; N° is No."""
    decomposed = unicodedata.normalize("NFKD", _BESIDE_THE_NAME.sub("", header).replace("°", "o"))
    return "".join(c for c in decomposed.casefold() if c.isalnum())


_FIELD_OF: Final = {
    normal(spelling): field for field, spellings in _SPELLINGS.items() for spelling in (*spellings.split(", "), field)
}


def field_of(cell: object) -> str | None:
    """The field that a header cell names, if it is known."""
    # no known header is longer; normalising a cell of 32,767 characters 20 x 64 times would be a way to burn time
    if not isinstance(cell, str) or len(cell) > 4 * _LONGEST_SHOWN:
        return None
    return _FIELD_OF.get(normal(cell))


def known_headers(row: Row) -> int:
    """How many different fields a row names."""
    return len({field_of(cell) for cell in row} - {None})


def find_header(rows: list[Row], at_least: int = 2) -> Header | None:
    """Of the first rows the one with the most known headers, so many `at_least`; the first of equals."""
    best, most = None, at_least - 1
    for number, row in enumerate(rows[:HEADER_WITHIN_ROWS]):
        if (known := known_headers(row)) > most:
            best, most = number, known
    return None if best is None else _header(best, rows[best])


def check_columns(header: Header) -> None:
    """Refuse a header that lacks the personnel number, naming all that lacks, or that has a column twice."""
    missing = header.missing
    if "personnel_number" in missing:
        raise FileRefused("missing_columns", fields=missing)
    seen: dict[str, list[str]] = {field: [] for field in IMPORT_FIELDS}
    for column in header.columns:
        seen[column.field].append(column.header)
    twice = {field: headers for field, headers in seen.items() if len(headers) > 1}
    if twice:
        raise FileRefused(
            "duplicate_columns",
            fields=list(twice),
            columns=[header for headers in twice.values() for header in headers],
        )


def letters_of(index: int) -> str:
    """The letters of a column, from 0: A … Z, AA …"""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _header(number: int, row: Row) -> Header:
    columns, ignored = [], []
    for index, cell in enumerate(row):
        shown = as_seen(cell)[:_LONGEST_SHOWN]
        field = field_of(cell)
        if field is not None:
            columns.append(Column(field, index, shown))
        elif shown:
            ignored.append((index, shown))
    return Header(number, tuple(columns), tuple(ignored))
