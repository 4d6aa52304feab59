"""A file as sheets, by its content."""

from pathlib import Path

from import_service.reading.calamined import open_xls, open_xlsx
from import_service.reading.headers import known_headers
from import_service.reading.ods import open_ods
from import_service.reading.package import Package
from import_service.reading.refused import not_readable
from import_service.reading.sheets import Source
from import_service.reading.sniff import Content, content_of
from import_service.reading.text import open_text


def open_source(path: Path, suffix: str) -> Source:
    """The sheets of a file, behind the gate of its format; refuses in the order of `docs/rules.md` 1."""
    match content_of(path, suffix):
        case Content.TEXT:
            return open_text(path, suffix, known_headers)
        case Content.OLE:
            return open_xls(path, suffix)
        case Content.ZIP:
            return _open_zip(path, suffix)


def _open_zip(path: Path, suffix: str) -> Source:
    package = Package(path, suffix)
    if "xl/workbook.xml" in package:
        return open_xlsx(path, package, suffix)
    if "content.xml" in package and b"opendocument.spreadsheet" in _declared(package):
        return Source("ods", list(open_ods(package, suffix)))
    raise not_readable(suffix)


def _declared(package: Package) -> bytes:
    part = next((name for name in ("mimetype", "meta-inf/manifest.xml") if name in package), None)
    return package.whole(part) if part else b""
