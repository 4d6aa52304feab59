"""What the models promise beyond their schemas."""

import json

import pytest
from pydantic import ValidationError

from contracts.events import BY_TOPIC, MESSAGES
from contracts.events.users import PersonFields, UserRequested
from contracts.topics import TOPICS, all_topics


def test_an_absent_member_and_a_null_are_told_apart_through_the_wire() -> None:
    wire = '{"person":{"infix":null,"email":"a@b.nl"}}'
    person = UserRequested.model_validate_json(wire).person
    assert person.model_fields_set == {"infix", "email"}
    assert json.loads(UserRequested(person=person).model_dump_json(exclude_unset=True)) == json.loads(wire)


@pytest.mark.parametrize("flag", ["invite", "active", "manager", "terms_accepted"])
def test_a_flag_may_be_a_json_boolean_or_a_text(flag: str) -> None:
    assert getattr(PersonFields.model_validate({flag: True}), flag) == "x"
    assert getattr(PersonFields.model_validate({flag: False}), flag) == "-"
    assert getattr(PersonFields.model_validate({flag: "perhaps"}), flag) == "perhaps"
    assert getattr(PersonFields.model_validate({flag: None}), flag) is None


@pytest.mark.parametrize(
    "person", [{"personnel_number": 1001}, {"functions": "Adviseur"}, {"invite": 1}, {"email": []}]
)
def test_a_value_that_is_no_text_is_not_read(person: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        UserRequested.model_validate_json(json.dumps({"person": person}))


def test_members_that_are_not_known_are_ignored() -> None:
    assert UserRequested.model_validate_json('{"person":{"shoe_size":"43"},"later":1}').person == PersonFields()


def test_every_type_is_an_instroom_type_with_a_version() -> None:
    for type_ in MESSAGES:
        system, owner, name, version = type_.split(".")
        assert (system, version) == ("instroom", "v1")
        assert owner in {"org", "user", "import", "invitation"}
        assert name == name.lower()


def test_every_topic_that_a_service_reads_has_dead_letters_that_keep_its_key() -> None:
    names = {topic.name: topic for topic in all_topics()}
    for topic in TOPICS:
        if set(topic.consumers) - {"outside"}:
            dead = names[topic.name + ".dlq"]
            assert (dead.key, dead.partitions, dead.cleanup) == (topic.key, 1, "delete")
    assert set(BY_TOPIC) == set(TOPICS)


def test_topics_have_the_partitions_and_retention_of_the_mechanics() -> None:
    day = 86_400_000
    assert {topic.name: (topic.partitions, topic.retention_ms and topic.retention_ms // day) for topic in TOPICS} == {
        "org.commands": (1, 7),
        "org.structure": (1, None),
        "user.checks": (12, 1),
        "user.verdicts": (12, 1),
        "user.requests": (12, 7),
        "user.requests.bulk": (12, 7),
        "user.events": (12, 30),
        "import.events": (3, 30),
        "invitation.events": (6, 30),
    }
