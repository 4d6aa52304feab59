"""The same import with django-import-export, tuned as an expert would: bulk statements, no diffs, instances and foreign
keys from a cache. One process, no events, no invitations.

    python django_import.py prepare           makes its tables
    python django_import.py importing FILE    imports FILE and prints one JSON line

The environment: BENCH_DJANGO_DATABASE, a DSN.
"""

import json
import os
import sys
import time
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.db import connection, models
from python_calamine import CalamineWorkbook
from tablib import Dataset

BATCH = 1000

_dsn = urlsplit(os.environ.get("BENCH_DJANGO_DATABASE", ""))
settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _dsn.path.lstrip("/"),
            "USER": _dsn.username,
            "PASSWORD": _dsn.password,
            "HOST": _dsn.hostname,
            "PORT": _dsn.port,
        }
    },
    INSTALLED_APPS=["import_export"],
    USE_TZ=True,
)
django.setup()

from import_export import fields, resources, widgets  # noqa: E402 - Django wants its settings first
from import_export.instance_loaders import CachedInstanceLoader  # noqa: E402


class Company(models.Model):
    name = models.TextField(unique=True)

    class Meta:
        app_label = "bench"


class Department(models.Model):
    company = models.ForeignKey(Company, models.PROTECT)
    name = models.TextField()

    class Meta:
        app_label = "bench"
        constraints = [models.UniqueConstraint(fields=["company", "name"], name="department_name")]


class Person(models.Model):
    personnel_number = models.TextField(unique=True)
    first_name = models.TextField()
    infix = models.TextField(blank=True)
    last_name = models.TextField()
    email = models.TextField(unique=True)
    company = models.ForeignKey(Company, models.PROTECT)
    department = models.ForeignKey(Department, models.PROTECT)
    functions = models.TextField(blank=True)
    cost_centre = models.TextField(blank=True)
    invite = models.BooleanField(default=False)
    active = models.BooleanField(default=False)
    language = models.TextField(blank=True)

    class Meta:
        app_label = "bench"


class Cached(widgets.Widget):
    """The primary key of what some cells of the row name, from memory."""

    def __init__(self, *columns: str) -> None:
        super().__init__()
        self._columns = columns
        self.known: dict[tuple[str, ...], int] = {}

    def clean(self, value: Any, row: Any = None, **_: Any) -> int:
        return self.known[tuple(row[column] for column in self._columns)]


class Flag(widgets.Widget):
    def clean(self, value: Any, row: Any = None, **_: Any) -> bool:
        return bool(value == "x")


class PersonResource(resources.ModelResource):
    company = fields.Field("company_id", "company", Cached("company"))
    department = fields.Field("department_id", "department", Cached("company", "department"))
    invite = fields.Field("invite", "invite", Flag())
    active = fields.Field("active", "active", Flag())

    class Meta:
        model = Person
        import_id_fields = ("personnel_number",)
        exclude = ("id",)
        instance_loader_class = CachedInstanceLoader
        use_bulk = True
        batch_size = BATCH
        skip_diff = True
        skip_html_diff = True
        report_skipped = False

    def before_import(self, dataset: Dataset, **_: Any) -> None:
        self.fields["company"].widget.known = {(name,): pk for name, pk in Company.objects.values_list("name", "pk")}
        self.fields["department"].widget.known = {
            (company, name): pk for company, name, pk in Department.objects.values_list("company__name", "name", "pk")
        }


def prepare() -> None:
    """The tables, and the organisation of 50 companies of 20 departments."""
    from instroom.samples import large

    with connection.schema_editor() as editor:
        for model in (Company, Department, Person):
            editor.create_model(model)
    for told in large.organisation("bench")["companies"]:
        company = Company.objects.create(name=told["name"])
        Department.objects.bulk_create(Department(company=company, name=one["name"]) for one in told["departments"])


def importing(file: str) -> None:
    """Reading the workbook is not in the time: django-import-export would read it with openpyxl, at a tenth of calamine."""
    header, *rows = CalamineWorkbook.from_path(file).get_sheet_by_index(0).to_python()
    dataset = Dataset(*rows, headers=header)
    began, spent = time.perf_counter(), time.process_time()
    result = PersonResource().import_data(dataset, dry_run=False, raise_errors=True, use_transactions=True)
    seconds = time.perf_counter() - began
    told = {"rows": len(rows), "seconds": seconds, "cpu_s": time.process_time() - spent, "totals": dict(result.totals)}
    print(json.dumps(told))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["prepare"]:
            prepare()
        case ["importing", file]:
            importing(file)
        case _:
            sys.exit(__doc__)
