"""A channel's name in models that pydantic checks: feeds' settings, organisation files, requests of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from nightmail.channels.registry import CHANNELS

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler


_AS_A_LITERAL: Final = "literal_error"
"""Pydantic's code for a value that is none of a ``Literal``."""


class _KnownChannel:
    """Accepts the names of the channels that there are, and describes itself as an enumeration of them.

    Asks the registry at each check, where a ``Literal`` would keep the names of the time of its import. Errors and
    JSON schema are those of a ``Literal``.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        # Pydantic is there already when it asks; the command line imports this room and pays for nothing.
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(_checked)

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"enum": list(CHANNELS), "type": "string"}


def _checked(value: Any) -> str:
    from pydantic_core import PydanticKnownError

    if isinstance(value, str) and value in CHANNELS:
        return value
    raise PydanticKnownError(_AS_A_LITERAL, {"expected": CHANNELS.choice("'{}'")})


ChannelName = Annotated[str, _KnownChannel()]
"""The name of a channel that there is."""
