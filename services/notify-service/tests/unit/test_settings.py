from typing import Any

import pytest
from pydantic import ValidationError

from notify_service.settings import Settings
from notify_service.smtp import clean

GOOD: dict[str, Any] = {
    "kafka": "localhost:9092",
    "database": "postgresql:///x",
    "http_port": 1,
    "smtp": "[::1]:2525",
    "public_url": "https://people.example/",
    "signing_key_id": "k1",
}


def test_the_address_of_the_mail_server_is_host_and_port(seed: str) -> None:
    settings = Settings(**GOOD, signing_key=seed)
    assert (settings.smtp_host, settings.smtp_port) == ("::1", 2525)
    assert settings.public_url == "https://people.example"


@pytest.mark.parametrize(
    "bad",
    [
        {"smtp": "localhost"},
        {"public_url": "people.example"},
        {"mail_from": "Instroom <a@b.test>"},
        {"smtp": "mail.example:25", "smtp_user": "u", "smtp_password": "p"},
    ],
)
def test_settings_that_cannot_work_or_would_show_a_password_are_refused(seed: str, bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings(**GOOD | bad, signing_key=seed)


def test_no_secret_is_told_where_the_settings_are_wrong(seed: str) -> None:
    database = "postgresql://notify:geheim@localhost/notify"
    with pytest.raises(ValidationError) as refused:
        Settings(**{**GOOD, "database": database, "signing_key": seed, "http_port": None})
    told = str(refused.value)
    assert "http_port" in told
    assert not any(secret in told for secret in ("geheim", seed[:8], seed[-8:]))


def test_no_secret_is_shown_by_the_settings(seed: str) -> None:
    assert seed not in repr(Settings(**GOOD, signing_key=seed))


@pytest.mark.parametrize("path", ["invitation", "password"])
def test_a_reply_of_a_server_that_quotes_a_link_is_kept_without_it(path: str) -> None:
    token = "A" * 140
    reply = clean(f"550 spam: https://people.example/-/{path}/{token}\r\nsee {token} \x00 https://help.example/x")
    assert "AAAA" not in reply
    assert reply == "550 spam: … see … https://help.example/x"
