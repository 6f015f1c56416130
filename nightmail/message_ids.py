"""Deterministic ids of messages: campaign, contact's line, channel and step, in text and in one integer.

The text id travels to carriers (status-callback URL, custom arguments): ``c3f0a91b7d0-118-sms-0``. The integer key is
the ledger's: campaign number (25 bits), line (31 bits), channel (3 bits), step (4 bits), so that both name the same
message without a look-up table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.channels import CHANNELS
from nightmail.channels.model import CODE_BITS

CHECK_TOKEN = "c0000000000"  # noqa: S105
"""The token of messages that ``nightmail check`` renders: no campaign ever has it."""

_STEP_BITS, _CHANNEL_BITS, _LINE_BITS = 4, CODE_BITS, 31
MAXIMUM_STEP = 2**_STEP_BITS - 1
MAXIMUM_LINE = 2**_LINE_BITS - 1
_MESSAGE_ID = re.compile(r"(c[0-9a-f]{10})-([1-9][0-9]{0,9})-([a-z][a-z0-9_]*)-([0-9]|1[0-5])")


@dataclass(frozen=True)
class MessageId:
    """A message id taken apart."""

    token: str
    line: int
    channel: str
    step: int

    def __str__(self) -> str:
        return f"{self.token}-{self.line}-{self.channel}-{self.step}"

    def key(self, campaign_number: int) -> int:
        """The ledger's integer key."""
        low = _LINE_BITS + _CHANNEL_BITS + _STEP_BITS
        return (
            campaign_number << low
            | self.line << (_CHANNEL_BITS + _STEP_BITS)
            | CHANNELS[self.channel].code << _STEP_BITS
            | self.step
        )


def campaign_keys(campaign_number: int) -> tuple[int, int]:
    """The first and the last ledger key that messages of a campaign can have. Between them, keys are in the file's order."""
    low = _LINE_BITS + _CHANNEL_BITS + _STEP_BITS
    return campaign_number << low, (campaign_number + 1 << low) - 1


def campaign_number_in_sql(key: str) -> str:
    """SQL: the number of the campaign of the ledger key ``key``, an SQL expression and never input."""
    return f"({key} >> {_LINE_BITS + _CHANNEL_BITS + _STEP_BITS})"


def first_key_in_sql(number: str) -> str:
    """SQL: the first ledger key that a campaign of the ``number`` can have, an SQL expression and never input."""
    return f"(cast({number} as bigint) << {_LINE_BITS + _CHANNEL_BITS + _STEP_BITS})"


def line_keys(campaign_number: int, line: int) -> tuple[int, int]:
    """The first and the last ledger key that messages to one contact can have: its channels and steps lie between."""
    first = (campaign_number << _LINE_BITS | line) << _CHANNEL_BITS + _STEP_BITS
    return first, first + (1 << _CHANNEL_BITS + _STEP_BITS) - 1


def same_line(key: str, other: str) -> str:
    """SQL: whether the ledger key ``key`` is of the same contact as ``other``; both are SQL expressions, never input."""
    low = _CHANNEL_BITS + _STEP_BITS
    return f"{key} between ({other} >> {low}) << {low} and (({other} >> {low}) << {low}) + {(1 << low) - 1}"


def id_in_sql(key: str, token: str, channel: str) -> str:
    """SQL: the text id of the ledger key ``key``; all are SQL expressions, never input.

    ``channel`` is the channel's name, found by :func:`channel_code_in_sql`: for statements over many rows, where the
    function ``message_id_of`` of the database costs a look-up for each. Null where one of them is.
    """
    line = f"({key} >> {_CHANNEL_BITS + _STEP_BITS}) & {MAXIMUM_LINE}"
    return f"{token} || '-' || ({line}) || '-' || {channel} || '-' || ({key} & {MAXIMUM_STEP})"


def channel_code_in_sql(key: str) -> str:
    """SQL: the code of the channel of the ledger key ``key``, to join the table ``channel``."""
    return f"({key} >> {_STEP_BITS}) & {2**_CHANNEL_BITS - 1}"


def parse_message_id(text: str) -> MessageId:
    """Take a message id apart. Raises ``ValueError`` when it is not one."""
    match = _MESSAGE_ID.fullmatch(text)
    if match is None or int(match[2]) > MAXIMUM_LINE or match[3] not in CHANNELS:
        raise ValueError("not a message id")
    return MessageId(match[1], int(match[2]), match[3], int(match[4]))


def is_message_id(text: str) -> bool:
    """Whether ``text`` is a message id. There is one way to write each, so that it is the same as text."""
    match = _MESSAGE_ID.fullmatch(text)
    return match is not None and int(match[2]) <= MAXIMUM_LINE and match[3] in CHANNELS


def token_and_key(message_id: str) -> tuple[str, int]:
    """The token of a message's campaign, and the part of its ledger key that is not the campaign's number.

    For texts that :func:`is_message_id` knows as ids: receipts come by the thousand.
    """
    token, line, channel, step = message_id.split("-")
    return token, (int(line) << CODE_BITS | CHANNELS[channel].code) << _STEP_BITS | int(step)


def from_key(key: int, token: str) -> MessageId:
    """The message id of a ledger key, given its campaign's token. Raises ``KeyError`` for a code that no channel has."""
    step = key & MAXIMUM_STEP
    channel = CHANNELS.with_code((key >> _STEP_BITS) & (2**_CHANNEL_BITS - 1)).name
    line = (key >> (_STEP_BITS + _CHANNEL_BITS)) & MAXIMUM_LINE
    return MessageId(token, line, channel, step)


def message_ids(token: str, lines: pa.Array | pa.ChunkedArray, channel: str, step: int) -> pa.Array | pa.ChunkedArray:
    """Message ids of many lines on one channel and step, as an Arrow string array."""
    if channel not in CHANNELS or not 0 <= step <= MAXIMUM_STEP:
        raise ValueError(f"no such channel or step: {channel} {step}")
    return pc.binary_join_element_wise(f"{token}-", pc.cast(lines, pa.string()), f"-{channel}-{step}", "")


def message_keys(
    campaign_number: int, lines: npt.NDArray[np.int64], channels: npt.NDArray[np.int64], steps: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Ledger keys of many messages; ``channels`` are the channels' codes."""
    if lines.size and int(lines.max()) > MAXIMUM_LINE:
        raise ValueError("a line number is too large for a message key")
    campaign = np.int64(campaign_number) << np.int64(_LINE_BITS + _CHANNEL_BITS + _STEP_BITS)
    return campaign | lines << np.int64(_CHANNEL_BITS + _STEP_BITS) | channels << np.int64(_STEP_BITS) | steps
