"""Requests about people as they come from the topics, a thousand at a time.

What is valid, contracts' models say. They are asked only where a request is not plainly valid: to decode the others by
hand takes a quarter of the time.
"""

from dataclasses import dataclass
from typing import Any, Final, get_args

import orjson

from contracts.events.users import Outcome, UserCheckRequested, UserRequested
from contracts.fields import FIELDS
from user_service.domain.reading import Mode, Plan, Requested, requested

_MODES: Final = frozenset(get_args(Mode))
_OUTCOMES: Final = frozenset(get_args(Outcome))
_PLAIN: Final = dict.fromkeys(FIELDS, str) | {"functions": list}
"""What each field is in a request that is plainly valid; null and true are valid too."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """Decodes requests of one type."""

    model: type[UserRequested] | type[UserCheckRequested]

    def model_validate_json(self, data: bytes) -> Requested:
        """Raises pydantic.ValidationError where the model does."""
        return self._plain(data) or requested(self.model.model_validate_json(data))

    def _plain(self, data: bytes) -> Requested | None:
        try:
            body = orjson.loads(data)
            person = body["person"]
            for field, value in person.items():
                if type(value) is not _PLAIN[field]:
                    return None
            for name in person.get("functions", ()):
                if type(name) is not str:
                    return None
            request = Requested(body.get("mode", "upsert"), person, body.get("min_org_revision", 0))
            if self.model is UserCheckRequested:
                request.round = body.get("round", 1)
            elif "planned" in body:
                request.planned = _plan(body["planned"])
            plain = request.mode in _MODES and type(request.min_org_revision) is type(request.round) is int
        except (ValueError, LookupError, TypeError, AttributeError):
            return None  # the model says what is wrong, if anything
        return request if plain else None


def _plan(body: Any) -> Plan:
    plan = Plan(body["outcome"], body["user_version"], body["org_revision"])
    if plan.outcome not in _OUTCOMES or not type(plan.user_version) is type(plan.org_revision) is int:
        raise TypeError
    return plan
