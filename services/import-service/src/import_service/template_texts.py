"""The words of the template: how each column is filled in, in its four languages."""

from typing import Final

WORDS: Final = {
    "nl": {
        "sheet": "Uitleg",
        "title": "zo vul je het template in",
        "intro": (
            "Vul per gebruiker één regel in op het blad Gebruikers. Kolommen met * zijn verplicht voor nieuwe gebruikers. "
            "Een lege cel laat bij een bestaande gebruiker staan wat er staat; een streepje (-) maakt tussenvoegsel, "
            "functie(s) en kostenplaats leeg. Gemaakt bij versie {revision} van de organisatiestructuur."
        ),
        "column": "Kolom",
        "required": "Verplicht",
        "meaning": "Wat vul je in",
        "longest": "Meeste tekens",
        "yes": "ja",
        "not_listed": "Deze waarde staat niet in de lijst. Wat niet in de organisatiestructuur staat, wordt niet geïmporteerd.",
    },
    "en": {
        "sheet": "Explanation",
        "title": "how to fill in the template",
        "intro": (
            "Enter one row per user on the sheet Users. Columns with * are required for new users. An empty cell leaves "
            "what an existing user has; a hyphen (-) clears infix, function(s) and cost centre. Made at version {revision} "
            "of the organisation structure."
        ),
        "column": "Column",
        "required": "Required",
        "meaning": "What to enter",
        "longest": "Most characters",
        "yes": "yes",
        "not_listed": "This value is not in the list. What is not in the organisation structure is not imported.",
    },
    "de": {
        "sheet": "Erläuterung",
        "title": "so füllst du die Vorlage aus",
        "intro": (
            "Trage auf dem Blatt Users eine Zeile pro Benutzer ein. Spalten mit * sind für neue Benutzer Pflicht. Eine leere "
            "Zelle lässt bei einem vorhandenen Benutzer alles, wie es ist; ein Bindestrich (-) leert Namenszusatz, "
            "Funktion(en) und Kostenstelle. Erstellt mit Version {revision} der Organisationsstruktur."
        ),
        "column": "Spalte",
        "required": "Pflicht",
        "meaning": "Was trägst du ein",
        "longest": "Höchstens Zeichen",
        "yes": "ja",
        "not_listed": "Dieser Wert steht nicht in der Liste. Was nicht in der Organisationsstruktur steht, wird nicht importiert.",
    },
    "fr": {
        "sheet": "Explications",
        "title": "comment remplir le modèle",
        "intro": (
            "Saisissez une ligne par utilisateur sur la feuille Users. Les colonnes avec * sont obligatoires pour les nouveaux "
            "utilisateurs. Une cellule vide laisse tel quel ce qu'un utilisateur existant possède ; un tiret (-) vide "
            "particule, fonction(s) et centre de coûts. Créé avec la version {revision} de la structure d'organisation."
        ),
        "column": "Colonne",
        "required": "Obligatoire",
        "meaning": "Ce qu'il faut saisir",
        "longest": "Caractères au plus",
        "yes": "oui",
        "not_listed": "Cette valeur n'est pas dans la liste. Ce qui manque dans la structure d'organisation n'est pas importé.",
    },
}

EXPLANATIONS: Final = {
    "nl": {
        "personnel_number": "Het personeelsnummer; een relatie- of klantnummer mag ook. Hieraan wordt de gebruiker herkend. "
        "Nullen aan het begin blijven staan.",
        "first_name": "De voornaam van de gebruiker.",
        "infix": "Het tussenvoegsel, zoals van der. Leeg als er geen is.",
        "last_name": "De achternaam zonder tussenvoegsel.",
        "email": "Het e-mailadres, om mee in te loggen en berichten op te ontvangen. Elk adres hoort bij één gebruiker.",
        "company": "Het bedrijf. Kies het uit de lijst: het moet al in de organisatiestructuur staan.",
        "department": "De afdeling. Kies eerst het bedrijf; de lijst toont dan de afdelingen van dat bedrijf.",
        "functions": "De functie(s). Meer dan één: scheid ze met een puntkomma (;). Ze moeten al bestaan.",
        "cost_centre": "De kostenplaats waar de interne factuur naartoe gaat. Nullen aan het begin blijven staan.",
        "invite": "Kies x als deze persoon een uitnodiging per e-mail moet krijgen; laat anders leeg.",
        "active": "Kies x als deze persoon mag inloggen. Een streepje (-) zet een bestaande gebruiker op non-actief.",
        "language": "De taal van de gebruiker. Leeg is de standaardtaal. De taal moet in de academy aan staan.",
    },
    "en": {
        "personnel_number": "The personnel number; a customer or relation number will do. The user is recognised by it. "
        "Zeros in front are kept.",
        "first_name": "The user's first name.",
        "infix": "The part between first and last name, such as van der. Empty if there is none.",
        "last_name": "The last name without the infix.",
        "email": "The email address, to log in with and to receive messages. Each address belongs to one user.",
        "company": "The company. Choose it from the list: it must be in the organisation structure already.",
        "department": "The department. Choose the company first; the list then shows the departments of that company.",
        "functions": "The function(s). More than one: separate them by a semicolon (;). They must exist already.",
        "cost_centre": "The cost centre that the internal invoice goes to. Zeros in front are kept.",
        "invite": "Choose x if this person is to get an invitation by email; leave it empty otherwise.",
        "active": "Choose x if this person may log in. A hyphen (-) makes an existing user inactive.",
        "language": "The user's language. Empty means the default language. The language must be enabled in the academy.",
    },
    "de": {
        "personnel_number": "Die Personalnummer; eine Kunden- oder Beziehungsnummer geht auch. Daran wird der Benutzer "
        "erkannt. Führende Nullen bleiben erhalten.",
        "first_name": "Der Vorname des Benutzers.",
        "infix": "Der Namenszusatz, zum Beispiel van der. Leer, wenn es keinen gibt.",
        "last_name": "Der Nachname ohne Namenszusatz.",
        "email": "Die E-Mail-Adresse zum Anmelden und für Nachrichten. Jede Adresse gehört zu einem Benutzer.",
        "company": "Das Unternehmen. Wähle es aus der Liste: Es muss schon in der Organisationsstruktur stehen.",
        "department": "Die Abteilung. Wähle zuerst das Unternehmen; die Liste zeigt dann dessen Abteilungen.",
        "functions": "Die Funktion(en). Mehrere werden durch ein Semikolon (;) getrennt. Sie müssen schon bestehen.",
        "cost_centre": "Die Kostenstelle für die interne Rechnung. Führende Nullen bleiben erhalten.",
        "invite": "Wähle x, wenn diese Person eine Einladung per E-Mail bekommen soll; sonst leer lassen.",
        "active": "Wähle x, wenn diese Person sich anmelden darf. Ein Bindestrich (-) setzt einen Benutzer auf inaktiv.",
        "language": "Die Sprache des Benutzers. Leer ist die Standardsprache. Sie muss in der Academy aktiviert sein.",
    },
    "fr": {
        "personnel_number": "Le matricule ; un numéro de client convient aussi. L'utilisateur est reconnu par ce numéro. "
        "Les zéros initiaux sont conservés.",
        "first_name": "Le prénom de l'utilisateur.",
        "infix": "La particule, par exemple van der. Vide s'il n'y en a pas.",
        "last_name": "Le nom de famille sans la particule.",
        "email": "L'adresse e-mail pour se connecter et recevoir des messages. Chaque adresse est à un seul utilisateur.",
        "company": "L'entreprise. Choisissez-la dans la liste : elle doit déjà figurer dans la structure d'organisation.",
        "department": "Le département. Choisissez d'abord l'entreprise ; la liste montre alors ses départements.",
        "functions": "La ou les fonctions. Séparez-les par un point-virgule (;). Elles doivent déjà exister.",
        "cost_centre": "Le centre de coûts de la facture interne. Les zéros initiaux sont conservés.",
        "invite": "Choisissez x si cette personne doit recevoir une invitation par e-mail ; sinon laissez vide.",
        "active": "Choisissez x si cette personne peut se connecter. Un tiret (-) désactive un utilisateur existant.",
        "language": "La langue de l'utilisateur. Vide : la langue par défaut. Elle doit être activée dans l'academy.",
    },
}
