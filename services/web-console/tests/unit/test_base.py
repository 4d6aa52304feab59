"""What every page of the console has."""

import base64
import hashlib
import re
from pathlib import Path

from babel.messages.extract import extract
from babel.messages.pofile import read_po

import web_console
from web_console.app import LONGEST_FORM
from web_console.testing import Played

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
FOLDER = Path(web_console.__file__).parent


async def test_an_unknown_page_is_told_in_dutch_with_every_protecting_header() -> None:
    async with Played().browser() as browser:
        answer = await browser.get("/demo/nothing/here")
    assert answer.status_code == 404
    assert "Deze pagina bestaat niet" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert "<style" not in answer.text
    assert " style=" not in answer.text
    assert not re.search(r"<script(?![^>]* src=)", answer.text)


async def test_a_form_that_is_larger_than_any_is_refused() -> None:
    async with Played().browser() as browser:
        answer = await browser.post("/demo/", content=b"email=" + b"x" * LONGEST_FORM, headers=FORM)
    assert answer.status_code == 413
    assert "Dit is te groot" in answer.text


async def test_a_page_that_fails_tells_nothing_of_the_inside_and_is_protected_too() -> None:
    played = Played()
    played.answers["GET user /academies/demo/welcome"] = (200, {"secret": "inside"})
    async with played.browser() as browser:
        answer = await browser.get("/demo/")
    assert answer.status_code == 500
    assert "Er ging iets mis" in answer.text
    assert "KeyError" not in answer.text
    assert "content-security-policy" in answer.headers


async def test_vendored_files_are_those_that_the_page_and_the_list_name() -> None:
    page = (FOLDER / "templates/base.html").read_text()
    listed = (FOLDER / "static/vendor/README.md").read_text()
    for path in (FOLDER / "static/vendor").glob("*.min.*"):
        digest = base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()
        assert f'/-/static/vendor/{path.name}" integrity="sha384-{digest}"' in page
        assert digest in listed


async def test_the_console_is_live_alone_and_ready_with_its_services() -> None:
    played = Played()
    async with played.browser() as browser:
        assert (await browser.get("/livez")).status_code == 200
        assert (await browser.get("/readyz")).status_code == 503
        played.answers |= {f"GET {name} /livez": (200, {}) for name in ("org", "user", "import", "notify")}
        assert (await browser.get("/readyz")).status_code == 200


async def test_every_sentence_of_the_pages_is_translated_to_dutch() -> None:
    said = {message for path in FOLDER.rglob("*") for message in _sentences(path)}
    dutch = _catalogue("nl")
    assert "Log out" in said
    assert sorted(said - dutch) == []


async def test_a_sentence_has_the_same_translation_in_every_area_that_says_it() -> None:
    told: dict[str, set[str]] = {}
    for path in (FOLDER / "locales/nl/LC_MESSAGES").glob("*.po"):
        with path.open("rb") as file:
            for message in read_po(file):
                told.setdefault(str(message.id), set()).add(str(message.string))
    assert {sentence: found for sentence, found in told.items() if sentence and len(found) > 1} == {}


def _catalogue(language: str) -> set[str]:
    messages: set[str] = set()
    for path in (FOLDER / "locales" / language / "LC_MESSAGES").glob("*.po"):
        with path.open("rb") as file:
            for message in read_po(file):
                ids = message.id if isinstance(message.id, tuple) else (message.id,)
                done = message.string if isinstance(message.string, tuple) else (message.string,)
                if all(done):
                    messages.update(ids)
    return messages


def _sentences(path: Path) -> list[str]:
    method = {".py": "python", ".html": "jinja2.ext:babel_extract"}.get(path.suffix)
    if method is None:
        return []
    keywords = {"_": None, "say": None, "mark": None, "ngettext": (1, 2), "count": (1, 2)}
    with path.open("rb") as file:
        found = [message for _, message, _, _ in extract(method, file, keywords)]
    return [each for ids in found for each in (ids if isinstance(ids, tuple) else (ids,)) if each]
