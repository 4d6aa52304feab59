"""What the import makes of the structure that it has seen."""

from chassis.replica import Entry
from contracts.events.org import AcademyChanged, CompanyChanged, DepartmentChanged, TermsChanged
from import_service.messages import template_structure


def test_the_terms_of_use_are_no_part_of_a_template() -> None:
    messages = {
        "demo/terms/demo": TermsChanged(version=1, texts={"nl": "Houd je wachtwoord geheim."}, revision=2),
        "demo/academy/demo": AcademyChanged(
            id="demo", name="Demo", default_language="nl", languages=["nl"], revision=2
        ),
        "demo/company/c": CompanyChanged(id="c", name="Acme", revision=1),
        "demo/department/d": DepartmentChanged(id="d", company_id="c", name="Verkoop", revision=1),
    }
    entries = {key: Entry(message, message.revision, False, message.TYPE) for key, message in messages.items()}
    structure = template_structure("demo", entries)
    without = template_structure("demo", {key: each for key, each in entries.items() if "/terms/" not in key})
    assert structure == without
    assert [(company.name, company.departments) for company in structure.companies] == [("Acme", ("Verkoop",))]
