"""What all messages have in common."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A part of a message. Unknown members are ignored, so that a newer sender can speak to an older reader."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Message(Value):
    """The value of one record; `TYPE` is its `ce_type`."""

    TYPE: ClassVar[str]
