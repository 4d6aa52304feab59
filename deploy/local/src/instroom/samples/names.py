"""First and last names as they occur in the Netherlands, with the infix that belongs to the last name."""

from typing import Final

_FIRST = """
    Aaliyah Adam Agnieszka Ahmet Albert Alexander Ali Amber Amina Anaïs André Anna Anne Annelies Anouk Antje Arie
    Arjan Ayşe Bart Bas Beatrix Ben Bianca Björn Boris Bram Carla Carlijn Chantal Chiara Christiaan Cornelis Çağla
    Daan Daniëlle David Delano Dennis Dewi Dirk Eefje Elif Elisa Ellen Els Emma Erik Esmée Esther Eva Evi Ewa
    Fatima Fatma Femke Finn Floor Fleur Floris Frank Françoise Frederik Froukje Geert Gerda Gerrit Gijs Guus
    Hanneke Hans Hassan Hatice Hendrik Henk Hidde Ilse Imane Ingrid Iris Isa Ivo Jacoba Jan Janneke Jaap Jasmijn
    Jelle Jeroen Jesse Jip Joëlle Johan Johanna Jolanda Joost Jorrit José Judith Julia Jurre Jürgen Karin Karim
    Kees Khadija Kim Klaas Koen Laura Lars Leïla Lieke Lies Linda Lisanne Lotte Loïs Luca Luuk Łukasz Maaike
    Maarten Malika Manon Marcel Margriet Maria Marije Marijke Mark Marleen Martijn Mathilde Max Mehmet Mei Merel
    Mette Michaël Michelle Mila Milan Mirjam Mohamed Mohammed Monique Moussa Myrthe Nadia Naomi Natasja Nick Niels
    Nina Noa Noël Noor Nora Olivier Omar Oscar Özlem Pascal Paul Petra Pieter Pim Priya Quinten Rachid Ravi Renée
    René Rianne Rick Rob Roel Ronald Ruben Ruud Said Samira Sander Sanne Sara Sarita Saskia Sem Senna Sharon Sibel
    Sietske Simone Sjoerd Sofie Söhnke Stef Stijn Sven Şeyma Tamara Teun Thijs Thomas Tijn Tim Tobias Tom Truus
    Ursula Valérie Vera Vincent Wesley Wiebe Willem Wouter Xander Yara Yasmin Yusuf Yvonne Zeynep Zoë Zuzanna
    Anne-Marie Jan-Willem Marie-José Geert-Jan Anna-Sofie Klaas-Jan
    """
FIRST_NAMES: Final = tuple(_FIRST.split())

_PLAIN = """
    Aerts Bakker Beekman Berends Bleeker Boersma Bongers Bosma Bosch Bos Boukhari Bouzid Brouwer Bruins Burgers Chandoe
    Claessens Cornelissen Crépin Dekker Demir Dijkstra Dirks Doğan Driessen Eggink Elbers Engelen Evers Faber Feenstra Fokkens
    Franken Geerts Gerritsen González Goossens Güneş Haan Hageman Hamers Heijmans Hendriks Hermans Hoekstra Hofman Hoogland
    Huisman Jacobs Jansen Janssen Jonker Kaya Keizer Klaver Klein Koning Koopman Kowalski Kramer Kuijpers Kuiper Lammers
    Langeveld Leenders Li Linders Lubbers Maas Martens Meijer Mertens Molenaar Mulder Müller Nagel Nguyễn Nieuwenhuis Nijhuis
    Nowak Oosterhuis Otten Özdemir Öztürk Peeters Peters Postma Prins Ramdin Ramlal Reijnders Rietveld Roelofs Rutten Sahin
    Schaap Scholten Schouten Schröder Sital Smeets Smit Smits Snijders Stam Tromp Veenstra Verbeek Verhoeven Vermeulen
    Verweij Visser Vonk Vos Vroom Wagenaar Wessels Wiersma Willems Wójcik Wolters Yılmaz Zijlstra Zuidema
    Jansen-Peters Kuiper-Şahin
    """
_WITH_INFIX = {
    "de": "Boer Bruijn Graaf Groot Haan Jager Jong Koning Lange Leeuw Rooij Ruiter Vries Waal Wilde Wit",
    "van": "Beek Dam Dijk Dongen Doorn Es Gelder Gils Hout Leeuwen Loon Rijn Schaik Straaten Veen Vliet Vugt Wijk Zanten",
    "van de": "Kamp Laar Pol Sande Ven Vorst Water Wetering",
    "van den": "Berg Bosch Broek Brink Heuvel Hoek Hurk",
    "van der": "Heijden Horst Kolk Laan Linden Meer Meulen Plas Ploeg Steen Veen Velde Wal Werf Zee",
    "van 't": "Hof Hoff Veer Wout",
    "in 't": "Hout Veld",
    "ter": "Beek Horst",
    "ten": "Brink Cate Have",
    "te": "Riele Velde",
    "op den": "Camp",
    "den": "Hartog Ouden Boer",
    "el": "Amrani Idrissi Khattabi",
    "von": "Berg Bönninghausen",
    "d'": "Ancona",
}
LAST_NAMES: Final = tuple(("", name) for name in _PLAIN.split()) + tuple(
    (infix, name) for infix, names in _WITH_INFIX.items() for name in names.split()
)
"""Pairs of infix ("" for none) and last name."""
