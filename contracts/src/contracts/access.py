"""Who may ask for what: the roles, and what an access token says (a JWT, signed by user-service with Ed25519)."""

from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

ISSUER: Final = "instroom/user-service"
AUDIENCE: Final = "instroom"
TOKEN_SECONDS: Final = 60
"""For how long an access token is taken: as long as somebody who was deactivated can still be let in elsewhere."""


class Role(StrEnum):
    """What somebody may do. Each has what those below it have."""

    OPERATOR = "operator"
    """Of the platform: every academy, and making new ones."""
    ADMINISTRATOR = "administrator"
    """Of one academy: everything in it."""
    MANAGER = "manager"
    """The people of the own department: sees them, invites again, withdraws."""
    MEMBER = "member"
    """The own profile only."""


class AccessClaims(BaseModel):
    """The claims of an access token."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    iss: str
    aud: str
    sub: str = Field(
        description="who: `user:<user id>`, `token:<token id>` or `operator`; the `ce_actor` of what they ask"
    )
    role: Role
    academy: str = Field(default="", description="the one academy that it is good for; empty for an operator")
    personnel_number: str = Field(default="", description="of a person")
    department: str = Field(default="", description="id of the department that a manager sees")
    session: str = Field(default="", description="id of the log-in that it was given for; no secret")
    iat: int
    exp: int
