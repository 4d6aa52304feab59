"""Log-in by an identity provider in a real browser: policies, cookies and redirects are the browser's own."""

import re
from collections.abc import Callable, Iterator

import pytest
from outside.academy import Academy
from playwright.sync_api import Page, expect

from browser.academies import PASSWORD, add_administrator
from browser.conftest import NewVisitor
from browser.visitor import press
from instroom import home
from user_service.testing_openid import CLIENT, SECRET, OpenIdProvider, running_provider


@pytest.fixture
def provider() -> Iterator[OpenIdProvider]:
    """At another site than the console, which is at 127.0.0.1."""
    with running_provider() as provider:
        provider.issuer = provider.issuer.replace("127.0.0.1", "localhost")
        yield provider


@pytest.mark.parametrize("script", [True, False])
def test_somebody_goes_to_the_provider_and_comes_back_logged_in(
    acme: Academy,
    provider: OpenIdProvider,
    new_visitor: NewVisitor,
    audit: Callable[..., None],
    valid_html: Callable[..., None],
    script: bool,
) -> None:
    url, email = home.addresses(acme.platform.home).console, add_administrator(acme)
    provider.claims = {"sub": "bea", "email": email, "email_verified": True}

    page = new_visitor(url, script=script).page
    page.goto(f"/{acme.id}/")
    page.get_by_label("E-mailadres").fill(email)
    page.get_by_label("Wachtwoord").fill(PASSWORD)
    press(page, "Inloggen")
    page.get_by_label("Akkoord gebruikersvoorwaarden").check()
    press(page, "Verder")
    page.get_by_role("link", name="Inloginstellingen").click()
    page.get_by_label("Naam van de aanbieder").fill("Acme ID")
    page.get_by_label("Issuer").fill(provider.issuer + "/")
    page.get_by_label("Client-ID").fill(CLIENT)
    page.get_by_label("Clientgeheim").fill(SECRET)
    press(page, "Opslaan")
    expect(page.get_by_role("alert")).to_contain_text("noemt zichzelf anders")
    _judged(page, script, audit, valid_html)
    page.get_by_label("Issuer").fill(provider.issuer)
    page.get_by_label("Clientgeheim").fill(SECRET)
    press(page, "Opslaan")
    expect(page.get_by_text("kunnen inloggen met Acme ID")).to_be_visible()
    _judged(page, script, audit, valid_html)

    page = new_visitor(url, script=script).page
    page.goto(f"/{acme.id}/")
    _judged(page, script, audit, valid_html)
    press(page, "Inloggen met Acme ID")
    expect(page).to_have_url(re.compile(f"/{acme.id}/users"))

    provider.claims = {"sub": "nobody", "email": "nobody@acme.example", "email_verified": True}
    page = new_visitor(url, script=script).page
    page.goto(f"/{acme.id}/")
    press(page, "Inloggen met Acme ID")
    expect(page.get_by_text("geen account voor jou")).to_be_visible()
    _judged(page, script, audit, valid_html)


def _judged(page: Page, script: bool, audit: Callable[..., None], valid_html: Callable[..., None]) -> None:
    if script:  # the judge of accessibility is one
        audit(page)
    valid_html(page.content())
