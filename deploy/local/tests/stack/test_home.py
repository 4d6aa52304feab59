"""Where a platform lives."""

import stat
from pathlib import Path

import pytest

from instroom import home as homes
from instroom.failure import Exit, Failure


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_home_is_found_from_a_folder_below_it(tmp_path: Path) -> None:
    made = homes.find_or_create({}, tmp_path)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert homes.find({}, below) == made == tmp_path / ".instroom"


def test_instroom_home_goes_before_the_current_folder(tmp_path: Path) -> None:
    homes.find_or_create({}, tmp_path)
    other = homes.find_or_create({"INSTROOM_HOME": str(tmp_path / "other")}, tmp_path)
    assert homes.find({"INSTROOM_HOME": str(other)}, tmp_path) == tmp_path / "other"


def test_without_a_platform_the_failure_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="instroom up") as failure:
        homes.find({"INSTROOM_HOME": str(tmp_path / "none")})
    assert failure.value.exit_code is Exit.UNAVAILABLE
    homes.prepare(tmp_path / "home")
    with pytest.raises(Failure, match="instroom up"):
        homes.addresses(tmp_path / "home")


def test_only_the_owner_can_look_inside(tmp_path: Path) -> None:
    home = homes.find_or_create({}, tmp_path)
    homes.Secrets.load_or_make(home)
    homes.Platform(ports={"kafka": 1}).save(home)
    assert mode(home) == 0o700
    assert mode(home / "secrets.json") == mode(home / "platform.json") == 0o600


def test_secrets_are_made_once_and_the_verify_key_belongs_to_the_signing_key(tmp_path: Path) -> None:
    import base64

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    home = homes.find_or_create({}, tmp_path)
    secrets = homes.Secrets.load_or_make(home)
    assert homes.Secrets.load_or_make(home) == secrets
    seed = base64.urlsafe_b64decode(secrets.signing_key + "=")
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    assert base64.urlsafe_b64decode(secrets.verify_key + "=") == public


def test_what_is_written_to_the_platform_file_is_read_back(tmp_path: Path) -> None:
    home = homes.find_or_create({}, tmp_path)
    addresses = {
        "kafka": "127.0.0.1:1",
        "database": "postgresql://x/y",
        "smtp": "127.0.0.1:2",
        "services": {"org-service": "u"},
    }
    homes.Platform(ports={"kafka": 1}, addresses=addresses, databases_made=["x"]).save(home)
    assert homes.addresses(home) == homes.Addresses(
        "127.0.0.1:1", "postgresql://x/y", "127.0.0.1:2", {"org-service": "u"}
    )
