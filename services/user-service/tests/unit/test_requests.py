"""What comes from the topics is decoded as contracts' models say, fast or not."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.events.users import UserCheckRequested, UserRequested
from contracts.fields import FIELDS
from user_service.domain.reading import Plan, Requested, requested
from user_service.requests import Decoder

ANY = st.sampled_from([None, "x", "", "1001", True, 0, 7, 1.5, [], ["Kok"], ["Kok", None], [["Kok"]], {}, {"a": 1}])
NUMBER = st.integers(0, 9) | ANY
PERSON = st.dictionaries(st.sampled_from([*FIELDS, "nickname"]), st.text(max_size=3) | ANY)
PLANNED = st.fixed_dictionaries(
    {"outcome": st.just("created") | ANY, "user_version": NUMBER, "org_revision": NUMBER}, optional={"more": ANY}
)
BODY = st.fixed_dictionaries(
    {"person": PERSON | ANY},
    optional={
        "mode": st.sampled_from(["create", "update", "upsert"]) | ANY,
        "min_org_revision": NUMBER,
        "round": NUMBER,
        "planned": PLANNED | ANY,
        "more": ANY,
    },
)
PLAIN: dict[str, Any] = {
    "mode": "update",
    "person": {"personnel_number": "1001", "functions": ["Kok"], "active": "x"},
    "min_org_revision": 7,
    "planned": {"outcome": "updated", "user_version": 3, "org_revision": 7},
}


@pytest.mark.parametrize("model", [UserRequested, UserCheckRequested])
@given(body=BODY | ANY)
def test_whatever_comes_is_read_or_refused_as_the_model_has_it(model: Any, body: Any) -> None:
    _same(model, orjson.dumps(body))


@pytest.mark.parametrize("model", [UserRequested, UserCheckRequested])
@pytest.mark.parametrize(
    "value", [b"", b"{", b"[]", b'{"person": {"infix": "\\ud800"}}', b'{"person": {"infix": "\xff"}}']
)
def test_what_is_no_json_is_refused_as_the_model_refuses_it(model: Any, value: bytes) -> None:
    _same(model, value)


def test_every_member_can_be_told_wrong() -> None:
    decode = Decoder(UserRequested).model_validate_json
    for member, value in (
        ("mode", "replace"),
        ("person", []),
        ("min_org_revision", "a"),
        ("planned", {"outcome": "?"}),
    ):
        with pytest.raises(ValidationError):
            decode(orjson.dumps(PLAIN | {member: value}))
    assert decode(orjson.dumps(PLAIN)) == Requested("update", PLAIN["person"], 7, Plan("updated", 3, 7))


def _same(model: Any, value: bytes) -> None:
    assert _read(Decoder(model).model_validate_json, value) == _read(
        lambda value: requested(model.model_validate_json(value)), value
    )


def _read(decode: Callable[[bytes], Requested], value: bytes) -> Requested | Sequence[Any]:
    try:
        return decode(value)
    except ValidationError as wrong:
        return wrong.errors()
