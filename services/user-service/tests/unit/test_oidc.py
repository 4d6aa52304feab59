"""Where a provider of an academy may be."""

from ipaddress import ip_network

import pytest

from user_service.identity.oidc import OpenId, ProviderFailed, derived, is_state_of
from user_service.identity.outward import is_acceptable, may_go_to

BAD_ISSUERS = {
    "http://provider.example": "issuer_not_allowed",
    "http://10.0.0.1": "issuer_not_allowed",
    "http://127.0.0.1.example": "issuer_not_allowed",
    "ftp://127.0.0.1": "issuer_not_allowed",
    "https://user:word@provider.example": "issuer_not_allowed",
    "https://provider.example/?a=b": "issuer_not_allowed",
    "https://provider.example/#a": "issuer_not_allowed",
    "javascript:alert(1)": "issuer_not_allowed",
    "https://": "issuer_not_allowed",
    "https://[": "provider_unreachable",
    "https://10.0.0.1": "provider_unreachable",
    "https://169.254.169.254": "provider_unreachable",
    "https://[::ffff:10.0.0.1]": "provider_unreachable",
    "https://[::1]": "provider_unreachable",
    "https://0x7f000001.": "provider_unreachable",
    "https://nowhere.invalid": "provider_unreachable",
}


@pytest.mark.parametrize(("issuer", "code"), BAD_ISSUERS.items())
async def test_an_issuer_that_is_not_a_public_address_of_https_is_refused(issuer: str, code: str) -> None:
    openid = OpenId("https://console.example/-/oidc", [ip_network("127.0.0.2/32")])
    with pytest.raises(ProviderFailed) as failed:
        await openid.discover(issuer)
    assert failed.value.code == code


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_no_request_goes_to_an_address_that_is_not_of_the_internet(address: str) -> None:
    assert not may_go_to(address, [])


def test_an_address_of_the_internet_and_one_of_the_named_networks_are_fine() -> None:
    assert may_go_to("93.184.215.14", [])
    assert may_go_to("2606:4700::1111", [])
    assert may_go_to("10.1.2.3", [ip_network("10.1.0.0/16")])
    assert not may_go_to("10.2.2.3", [ip_network("10.1.0.0/16")])


def test_http_is_for_this_machine_only_and_only_where_it_is_named() -> None:
    this, elsewhere = [ip_network("127.0.0.0/8")], [ip_network("10.0.0.0/8")]
    assert is_acceptable("http://127.0.0.1:8080/a", this)
    assert is_acceptable("http://localhost:8080/a", this)
    assert not is_acceptable("http://127.0.0.1:8080/a", [])
    assert not is_acceptable("http://10.0.0.1/a", elsewhere)
    assert is_acceptable("https://provider.example/a?b=c", [])


def test_the_state_belongs_to_one_log_in_and_does_not_tell_its_secret() -> None:
    assert is_state_of("secret", derived("secret", "state"))
    assert not is_state_of("secret", derived("other", "state"))
    assert not is_state_of("secret", derived("secret", "nonce"))
    assert not is_state_of("secret", "é")
    assert 43 <= len(derived("secret", "verifier")) <= 128
