"""The command line's own words, in Dutch and English."""

import os
import re
from collections.abc import Mapping
from typing import Final, Literal

from contracts.fields import FIELDS
from contracts.wording.columns import COLUMNS

Language = Literal["nl", "en"]


def language_of(environment: Mapping[str, str] = os.environ) -> Language | None:
    """The language that the person asked for, None if the environment does not say: then it is the academy's.

    The first variable that is set decides, also where it is neither Dutch nor English: nothing below it overrules.
    """
    said = next(filter(None, map(environment.get, ("INSTROOM_LANG", "LC_ALL", "LANG"))), "")
    return known_language(re.split("[-_.@]", said.lower())[0])


def known_language(code: object) -> Language | None:
    """`code` if the command line speaks it."""
    return "nl" if code == "nl" else "en" if code == "en" else None


_WORDS: Final[dict[str, tuple[str, str]]] = {
    "no_platform": (
        "er draait hier geen platform; start het met: instroom up --detach",
        "no platform is running here; start it with: instroom up --detach",
    ),
    "unreachable": (
        "{service} is niet bereikbaar binnen {seconds} s ({reason}); kijk met: instroom status",
        "{service} cannot be reached within {seconds} s ({reason}); look with: instroom status",
    ),
    "not_in_time": (
        "{service} was niet klaar binnen {seconds} s; de opdracht ({id}) loopt door",
        "{service} was not done within {seconds} s; the command ({id}) goes on",
    ),
    "failed": ("{service} antwoordt met fout {status}: {reason}", "{service} answers with error {status}: {reason}"),
    "no_broker": ("de broker is niet bereikbaar ({reason})", "the broker cannot be reached ({reason})"),
    "unknown_academy": ("de academy {academy} bestaat niet", "there is no academy {academy}"),
    "academy_id": (
        "{academy} is geen academy-id: kleine letters, cijfers en losse streepjes, hoogstens 40 tekens",
        "{academy} is no academy id: lower case letters, digits and single hyphens, at most 40 characters",
    ),
    "academy_mismatch": (
        "het bestand is voor academy {found}, niet voor {academy}",
        "the file is for academy {found}, not for {academy}",
    ),
    "no_such_file": ("het bestand {path} kan niet gelezen worden: {reason}", "cannot read {path}: {reason}"),
    "no_file": (
        "{path} is geen gewoon bestand; bewaar eerst wat erin staat",
        "{path} is no ordinary file; save what is in it first",
    ),
    "cannot_write": ("{path} kan niet geschreven worden: {reason}", "cannot write {path}: {reason}"),
    "name_a_file": (
        "een werkmap gaat naar een bestand: noem het met -o",
        "a workbook goes into a file: name it with -o",
    ),
    "bad_yaml": ("{path}, regel {line}: {reason}", "{path}, line {line}: {reason}"),
    "yaml_missing": ("{where} ontbreekt", "{where} is missing"),
    "yaml_unknown": ("{where} is onbekend", "{where} is unknown"),
    "yaml_text": (
        "{where} moet tekst zijn: zet {value} tussen aanhalingstekens",
        "{where} must be text: put quotes around {value}",
    ),
    "yaml_only_text": ("{where} moet tekst zijn, geen lijst of sleutels", "{where} must be text, no list or keys"),
    "yaml_list": ("{where} moet een lijst zijn", "{where} must be a list"),
    "yaml_bool": ("{where} moet true of false zijn", "{where} must be true or false"),
    "yaml_mapping": ("{where} moet uit sleutels en waarden bestaan", "{where} must consist of keys and values"),
    "yaml_twice": ("{where} staat er twee keer", "{where} is given twice"),
    "yaml_empty": ("het bestand is leeg", "the file is empty"),
    "yaml_file": ("het bestand", "the file"),
    "no_access": (
        "je hebt geen toegang: zet een geldig token in INSTROOM_TOKEN",
        "you have no access: put a valid token into INSTROOM_TOKEN",
    ),
    "not_text": ("een van de woorden is geen leesbare tekst (UTF-8)", "one of the words is no readable text (UTF-8)"),
    "not_checked": (
        "import {id} kan niet starten; kijk met: instroom import report {id} --academy {academy}",
        "import {id} cannot be started; look with: instroom import report {id} --academy {academy}",
    ),
    "too_old": (
        "import {id} is te oud om te starten, de regels worden niet meer bewaard: importeer het bestand opnieuw",
        "import {id} is too old to be started, its rows are not kept any more: import the file again",
    ),
    "no_template": (
        "er is geen sjabloon in taal {language}; kies uit {languages}",
        "there is no template in language {language}; choose one of {languages}",
    ),
    "no_home": (
        "er is geen platform ({where}); start er een met: instroom up --detach",
        "there is no platform ({where}); start one with: instroom up --detach",
    ),
    "no_such_home": ("{said} bestaat niet", "{said} does not exist"),
    "no_home_above": ("geen {folder}/ hier of hogerop", "no {folder}/ here or above"),
    "never_started": (
        "in {home} is nog niets gestart; start het met: instroom up --detach",
        "nothing was started in {home} yet; start it with: instroom up --detach",
    ),
    "damaged": ("{path} is beschadigd: er staat geen object in", "{path} is damaged: it holds no object"),
    "applied": (
        "Organisatie van {academy} toegepast: revisie {revision}",
        "Organisation of {academy} applied: revision {revision}",
    ),
    "applied_same": (
        "Organisatie van {academy} ongewijzigd: revisie {revision}",
        "Organisation of {academy} unchanged: revision {revision}",
    ),
    "written": ("Geschreven: {path}", "Written: {path}"),
    "academy": ("academy", "academy"),
    "function": ("functie", "function"),
    "code": ("code", "code"),
    "belongs": ("hoort bij, of leert", "belongs to, or learns"),
    "academy_line": (
        "{name} ({id}), talen {languages}, revisie {revision}",
        "{name} ({id}), languages {languages}, revision {revision}",
    ),
    "company": ("bedrijf", "company"),
    "department": ("afdeling", "department"),
    "kind": ("soort", "kind"),
    "name": ("naam", "name"),
    "removed": ("vervallen", "removed"),
    "learning_activities": ("leeractiviteiten", "learning activities"),
    "deleted": ("verwijderd", "deleted"),
    "invitation": ("uitnodiging", "invitation"),
    "yes": ("ja", "yes"),
    "no": ("nee", "no"),
    "row": ("regel", "row"),
    "rows": ("regels", "rows"),
    "cell": ("cel", "cell"),
    "wrong": ("wat er mis is", "what is wrong"),
    "state": ("status", "state"),
    "file": ("bestand", "file"),
    "at": ("tijd", "time"),
    "to": ("aan", "to"),
    "subject": ("onderwerp", "subject"),
    "topic": ("topic", "topic"),
    "reason": ("reden", "reason"),
    "key": ("sleutel", "key"),
    "uploading": ("Uploaden", "Uploading"),
    "checking": ("Controleren", "Checking"),
    "running": ("Importeren", "Importing"),
    "stalled": ("import staat stil: {reason}", "import is stalled: {reason}"),
    "check_of": ("Laatste check van {file}: {rows}", "Last check of {file}: {rows}"),
    "report_of": ("Import {id}: {state}, {rows}", "Import {id}: {state}, {rows}"),
    "refused_file": ("Het bestand is geweigerd:", "The file was refused:"),
    "will_created": ("{n} nieuw", "{n} new"),
    "will_updated": ("{n} bijgewerkt", "{n} updated"),
    "will_unchanged": ("{n} ongewijzigd", "{n} unchanged"),
    "will_rejected": ("{n} niet te importeren", "{n} cannot be imported"),
    "did_rejected": ("{n} niet geïmporteerd", "{n} not imported"),
    "did_not_attempted": ("{n} niet geprobeerd", "{n} not attempted"),
    "will_invite": ("uitnodigingen die na de import uitgaan: {n}", "invitations that go out after the import: {n}"),
    "did_invite": ("uitnodigingen verstuurd of onderweg: {n}", "invitations sent or under way: {n}"),
    "waiting": (
        "uitnodigingen die wachten tot de persoon actief is: {n}",
        "invitations that wait until the person is active: {n}",
    ),
    "already_invited": (
        "al uitgenodigd, dus geen tweede uitnodiging: {n}",
        "invited already, so no second invitation: {n}",
    ),
    "warning": ("Let op: {message}", "Note: {message}"),
    "rejected_rows": ("Niet te importeren:", "Cannot be imported:"),
    "rejected_now": ("Niet geïmporteerd:", "Not imported:"),
    "drifted_rows": ("Anders geworden dan in de check: {rows}", "Became different from the check: {rows}"),
    "and_more": (
        "… en nog {n}; alles staat in: instroom import report {id} --academy {academy} -o rapport.xlsx",
        "… and {n} more; all of them: instroom import report {id} --academy {academy} -o report.xlsx",
    ),
    "ask": ("Start import? [j/N] ", "Start import? [j/N] "),
    "left_checked": (
        "Niet gestart. Later starten: instroom import start {id} --academy {academy}",
        "Not started. Start it later: instroom import start {id} --academy {academy}",
    ),
    "goes_on": (
        "De import loopt door. Volgen: instroom import start {id} --academy {academy}",
        "The import goes on. Follow it: instroom import start {id} --academy {academy}",
    ),
    "check_goes_on": (
        "De controle loopt door; er is nog niets geïmporteerd. Kijken: instroom import report {id} --academy {academy}\n"
        "Starten: instroom import start {id} --academy {academy}",
        "The check goes on; nothing has been imported yet. Look: instroom import report {id} --academy {academy}\n"
        "Start: instroom import start {id} --academy {academy}",
    ),
    "column": ("kolom", "column"),
    "planned": ("gepland", "planned"),
    "became": ("geworden", "became"),
    "did_created_short": ("nieuw", "new"),
    "did_updated_short": ("bijgewerkt", "updated"),
    "did_unchanged_short": ("ongewijzigd", "unchanged"),
    "did_not_attempted_short": ("niet geprobeerd", "not attempted"),
    "did_rejected_short": ("geweigerd", "rejected"),
    "state_checking": ("wordt gecontroleerd", "being checked"),
    "state_checked": ("gecontroleerd", "checked"),
    "state_running": ("loopt", "running"),
    "state_completed": ("klaar", "completed"),
    "state_refused": ("geweigerd", "refused"),
    "state_cancelled": ("afgebroken", "cancelled"),
    "state_failed": ("mislukt", "failed"),
    "invitation_none": ("geen", "none"),
    "invitation_queued": ("onderweg", "under way"),
    "invitation_waiting": ("wacht tot de persoon actief is", "waits until the person is active"),
    "invitation_already_invited": ("verstuurd", "sent"),
    "invitation_already_accepted": ("geaccepteerd", "accepted"),
    "invitation_withdrawn": ("ingetrokken", "withdrawn"),
    "invitation_failed": ("niet te bezorgen", "could not be delivered"),
    "invitation_expired": ("verlopen", "expired"),
    "none_imports": ("Nog geen imports.", "No imports yet."),
    "none_users": ("Nog geen gebruikers.", "No users yet."),
    "none_mails": ("Nog geen e-mail ontvangen.", "No mail received yet."),
    "none_dead": ("Geen opzij gezette berichten.", "No dead letters."),
    "none_acted": ("Nog niets mee gedaan.", "Nothing was done with any yet."),
    "who": ("wie", "who"),
    "what": ("wat", "what"),
    "run": ("opdracht", "run"),
    "letter_open": ("open", "open"),
    "letter_replayed": ("opnieuw verstuurd", "replayed"),
    "letter_dropped": ("afgehandeld", "dropped"),
    "letter_replay": ("opnieuw versturen", "replay"),
    "letter_drop": ("afhandelen", "drop"),
    "dealing_replay": ("Opnieuw versturen", "Sending again"),
    "dealing_drop": ("Afhandelen", "Dropping"),
    "did_replay": (
        "{n} opnieuw verstuurd, {skipped} overgeslagen. Terugzien: instroom dlq audit --run {run}",
        "{n} sent again, {skipped} skipped. See it again: instroom dlq audit --run {run}",
    ),
    "did_drop": (
        "{n} afgehandeld, {skipped} overgeslagen. Terugzien: instroom dlq audit --run {run}",
        "{n} dropped, {skipped} skipped. See it again: instroom dlq audit --run {run}",
    ),
    "would_replay": (
        "{n} worden opnieuw verstuurd, {skipped} overgeslagen; er is nog niets gedaan.",
        "{n} will be sent again, {skipped} skipped; nothing was done yet.",
    ),
    "would_drop": (
        "{n} worden afgehandeld, {skipped} overgeslagen; er is nog niets gedaan.",
        "{n} will be dropped, {skipped} skipped; nothing was done yet.",
    ),
    "skipped_letters": ("Overgeslagen:", "Skipped:"),
    "force_helps": (
        "Toch versturen, waar dat kan: dezelfde opdracht met --force",
        "To send these all the same, where that is possible: the same command with --force",
    ),
    "say_which_letters": (
        "zeg welke berichten: id's, een filter (--topic, --academy, …) of --all",
        "say which letters: ids, a filter (--topic, --academy, …) or --all",
    ),
    "no_time": (
        "{said} is geen tijdstip; schrijf het als 2026-11-30T14:00",
        "{said} is no time; write it as 2026-11-30T14:00",
    ),
    "skipped_unknown": ("het bericht is er niet meer", "the letter is not there any more"),
    "skipped_not_kept": (
        "de inhoud is niet bewaard; de afzender moet het opnieuw sturen",
        "its bytes were not kept; its sender has to send it again",
    ),
    "skipped_truncated": (
        "het einde ontbreekt, het bericht was te groot om te bewaren; de afzender moet het opnieuw sturen",
        "its end is missing, the message was too large to be kept; its sender has to send it again",
    ),
    "skipped_too_large": (
        "het is groter dan een bericht mag zijn dat van hier uitgaat; de afzender moet het opnieuw sturen",
        "it is larger than what may go out from here; its sender has to send it again",
    ),
    "skipped_not_consumed": (
        "deze versie van de service leest dat topic niet",
        "this version of the service does not read that topic",
    ),
    "skipped_compacted": (
        "het topic bewaart van alles de laatste stand, en die is niet deze; herstart de service, die leest hem opnieuw",
        "the topic keeps the last state of everything, which is not this one; restart the service, which reads it again",
    ),
    "skipped_already_replayed": ("het is al opnieuw verstuurd", "it was sent again already"),
    "skipped_already_dropped": ("het is al afgehandeld", "it was dropped already"),
    "skipped_unreadable": ("het is nog steeds onleesbaar", "it still cannot be read"),
    "skipped_changed_later": (
        "de persoon is daarna gewijzigd; dit bericht zou dat ongedaan maken",
        "the person was changed later; this message would undo that",
    ),
    "did_created": ("toegevoegd", "added"),
    "did_restored": ("hersteld, met de geschiedenis", "restored, with the history"),
    "did_updated": ("bijgewerkt", "updated"),
    "did_unchanged": ("ongewijzigd", "unchanged"),
    "did_activated": ("geactiveerd", "activated"),
    "did_deactivated": ("gedeactiveerd", "deactivated"),
    "did_deleted": ("verwijderd", "deleted"),
    "refused_user": ("Geweigerd:", "Refused:"),
    "look_at_user": (
        "kijk met: instroom user show {number} --academy {academy}",
        "look with: instroom user show {number} --academy {academy}",
    ),
    "refused_organisation": ("Geweigerd: {message}", "Refused: {message}"),
    "unknown_topic": ("er is geen topic {topic}", "there is no topic {topic}"),
    "unknown_dead_letter": ("er is geen opzij gezet bericht {id}", "there is no dead letter {id}"),
}


def words(language: Language | None) -> "Words":
    """The words in that language; English if nobody said."""
    return Words(0 if language == "nl" else 1)


class Words:
    """Says what stands in the catalogue."""

    def __init__(self, column: int) -> None:
        self._column = column
        self.language: Language = "en" if column else "nl"

    def __call__(self, word: str, /, **values: object) -> str:
        """The sentence called `word` with its values filled in."""
        return _WORDS[word][self._column].format(**values)

    def field(self, name: str) -> str:
        """A field of a person as it is called on screen."""
        if name in FIELDS:
            return COLUMNS[self.language][name]
        return self(name) if name in _WORDS else name

    def invitation(self, status: str) -> str:
        """What became of an invitation; a status of a newer version as it is."""
        return self(f"invitation_{status}") if f"invitation_{status}" in _WORDS else status

    def state(self, name: str) -> str:
        """The state of an import; one of a newer version as it is."""
        return self(f"state_{name}") if f"state_{name}" in _WORDS else name

    def skipped(self, reason: str) -> str:
        """Why a dead letter was skipped; a reason of a newer version as it is."""
        return self(f"skipped_{reason}") if f"skipped_{reason}" in _WORDS else reason

    def counted(self, rows: int) -> str:
        """So many rows."""
        return f"{rows} {self('row' if rows == 1 else 'rows')}"

    def flag(self, value: bool) -> str:
        return self("yes" if value else "no")
