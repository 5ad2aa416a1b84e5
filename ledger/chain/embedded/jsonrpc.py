"""JSON-RPC 2.0: its errors, and how parameters are read."""

from __future__ import annotations

import re
from typing import Any

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
SERVER_ERROR = -32000
LIMIT_EXCEEDED = -32005
REVERTED = 3

_QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]{0,63})")
_DATA = re.compile(r"0x([0-9a-fA-F]{2})*")


class RpcError(Exception):
    """An error answer. data: what the `data` member holds, left out when None."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data

    def to_json(self) -> dict[str, Any]:
        """Return the `error` member."""
        body: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.data is not None:
            body["data"] = self.data
        return body


class Params:
    """The positional parameters of one request; each reader raises RpcError INVALID_PARAMS."""

    def __init__(self, values: Any) -> None:
        if values is None:
            values = []
        if not isinstance(values, list):
            raise RpcError(INVALID_PARAMS, "non-array args")
        self._values = values

    def get(self, place: int, default: Any = None) -> Any:
        """Return the value at `place`, or `default` when it is missing or null."""
        value = self._values[place] if place < len(self._values) else None
        return default if value is None else value

    def need(self, place: int) -> Any:
        """Return the value at `place`."""
        value = self.get(place)
        if value is None:
            raise RpcError(INVALID_PARAMS, f"missing value for required argument {place}")
        return value

    def data(self, place: int, size: int | None = None) -> bytes:
        """Return bytes written 0x…, of `size` bytes if given."""
        return read_data(self.need(place), f"argument {place}", size)

    def quantity(self, place: int) -> int:
        """Return a number written 0x…"""
        return read_quantity(self.need(place), f"argument {place}")


def invalid(what: str, wanted: str) -> RpcError:
    """Return the error for a parameter that is not what was wanted."""
    return RpcError(INVALID_PARAMS, f"invalid {what}: want {wanted}")


def read_quantity(value: Any, what: str) -> int:
    """Return the number that `value` writes as 0x and hex without leading zeros."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise invalid(what, "a hex number without leading zeros, as 0x1f")
    return int(value, 16)


def read_data(value: Any, what: str, size: int | None = None) -> bytes:
    """Return the bytes that `value` writes as 0x and pairs of hex digits."""
    if not isinstance(value, str) or not _DATA.fullmatch(value):
        raise invalid(what, "bytes in hex, as 0x00ff")
    data = bytes.fromhex(value[2:])
    if size is not None and len(data) != size:
        raise invalid(what, f"{size} bytes in hex")
    return data


def read_word(value: Any, what: str) -> int:
    """Return a storage slot, written as a number or as up to 32 bytes."""
    digits = value[2:] if isinstance(value, str) and value.startswith("0x") else ""
    if not re.fullmatch(r"[0-9a-fA-F]{1,64}", digits):
        raise invalid(what, "up to 32 bytes in hex")
    return int(digits, 16)
