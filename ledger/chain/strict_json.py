"""JSON from a stranger, in the one form in which every reader reads the same.

JSON leaves open what a duplicate key, 1.0, 1e3, NaN, a number over 2⁵³ or half a surrogate pair
means; here each is refused. Numbers of wider than uint32 are decimal strings, bytes are lower-case
0x hex. RFC 8259; RFC 7493 (I-JSON) for the limits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, NamedTuple, NoReturn

from ledger.errors import Rejected

MAX_NUMBER = (1 << 53) - 1
MAX_DEPTH = 64
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)  # or what there is of it
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in _STEPS)
_ZEROS = str.maketrans("123456789", "000000000")
_LONG = "0" * 16
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,77}")


def load(data: bytes, limit: int) -> Node:
    """Return the document in `data`, of at most `limit` bytes.

    Raises Rejected TOO_LARGE, DUPLICATE_KEY or BAD_JSON.
    """
    if len(data) > limit:
        raise Rejected("TOO_LARGE", f"The file has {len(data)} bytes; {limit} are the limit.")
    try:
        text = data.decode()
        bare = _without_strings(text)
        _check_depth(bare)
        value = json.loads(
            text,
            object_pairs_hook=_object,
            # Few documents have numbers that may have to be refused, and each call costs.
            parse_int=_integer if "-0" in bare or _LONG in bare.translate(_ZEROS) else None,
            parse_float=_not_an_integer,
            parse_constant=_not_an_integer,
        )
        if "\\" in text:  # only an escape makes half a surrogate pair
            json.dumps(value, ensure_ascii=False).encode()  # fails on one
    except ValueError as fault:
        raise _bad_json(str(fault)) from None
    return Node(value, "")


class Node(NamedTuple):
    """A value and where it stands; each reader takes one form and refuses all others.

    name: of the member or number of the item that it is of `around`, None for a key of it; alone, a
    place by itself. Raises Rejected BAD_VALUE, BAD_HEX, UNKNOWN_MEMBER or MISSING_MEMBER, naming
    the place.
    """

    value: Any
    name: str | int | None
    around: Node | None = None

    @property
    def path(self) -> str:
        """Where it stands, in words; asked for by errors only."""
        if self.around is None:
            return str(self.name)
        if self.name is None:
            return f"the key {self.value[:80]!a} of {self.around.path}"
        if isinstance(self.name, int):
            return f"{self.around.path}[{self.name}]"
        return self.around._where(self.name)

    def members(self, names: Sequence[str]) -> dict[str, Node]:
        """Return an object's members, which are exactly `names`."""
        found = self._typed(dict, "an object")
        for name in found:
            if name not in names:
                raise Rejected("UNKNOWN_MEMBER", f"{self._where(name)} is no part of the format.")
        for name in names:
            if name not in found:
                raise Rejected("MISSING_MEMBER", f"{self._where(name)} is missing.")
        return {name: Node(part, name, self) for name, part in found.items()}

    def entries(self, most: int) -> Iterator[tuple[Node, Node]]:
        """Yield (key, value) of an object that is a map of at most `most` entries."""
        found = self._typed(dict, "an object")
        if len(found) > most:
            raise self.bad(f"at most {most} entries")
        for key, part in found.items():
            yield Node(key, None, self), Node(part, key, self)

    def items(self, most: int) -> list[Node]:
        """Return a list's items, at most `most`."""
        found = self._typed(list, "a list")
        if len(found) > most:
            raise self.bad(f"at most {most} items")
        return [Node(part, place, self) for place, part in enumerate(found)]

    def uint(self, most: int = MAX_NUMBER) -> int:
        """Return a number from 0 to `most`."""
        value: int = self._typed(int, "a number")
        if not 0 <= value <= most:
            raise self.bad(f"a number from 0 to {most}")
        return value

    def decimal(self, bits: int = 64) -> int:
        """Return a number below 2^bits that is written as a string of decimal digits."""
        text = self._typed(str, "a number as a string")
        if not _DECIMAL.fullmatch(text) or int(text) >= 1 << bits:
            raise self.bad(f"a number of {bits} bits, as a string without leading zeros")
        return int(text)

    def data(self, size: int | None = None) -> bytes:
        """Return bytes written as lower-case 0x hex, exactly `size` of them if given."""
        text = self._typed(str, "bytes as a 0x string")
        try:
            found = bytes.fromhex(text[2:])
        except ValueError:
            found = b""
        if "0x" + found.hex() != text:  # spaces, capitals, half a byte, no 0x
            raise Rejected("BAD_HEX", f"{self.path} is not lower-case 0x hex with whole bytes.")
        if size is not None and len(found) != size:
            raise self.bad(f"{size} bytes")
        return found

    def text(self, pattern: str | None = None, most: int = 200) -> str:
        """Return a string of at most `most` characters that is all of `pattern`, if given."""
        text: str = self._typed(str, "a string")
        if len(text) > most or (pattern is not None and not re.fullmatch(pattern, text)):
            raise self.bad(f"text of the form {pattern}" if pattern else f"at most {most} letters")
        return text

    def bad(self, wanted: str) -> Rejected:
        """Return the error for a value that is not what belongs here."""
        return Rejected("BAD_VALUE", f"{self.path or 'The document'} must be {wanted}.")

    def _typed(self, kind: type, name: str) -> Any:
        # No subclass: True and False are ints to Python and to nobody else.
        if type(self.value) is not kind:
            raise self.bad(name)
        return self.value

    def _where(self, name: str) -> str:
        shown = ascii(name[:80])[1:-1]  # a name may hold anything, and this goes to a terminal
        return f"{self.path}.{shown}" if self.path else shown


def _without_strings(text: str) -> str:
    """Return what of a document is outside its strings, of which the last may never end."""
    # Few documents have escapes, and then every second part between quotes is a string.
    return _STRING.sub("", text) if "\\" in text else "".join(text.split('"')[::2])


def _check_depth(bare: str) -> None:
    """Refuse deep nesting before the parser recurses on it: the interpreter's own limit is not
    enough, since libraries raise it beyond what the stack holds."""
    brackets = bare.encode().translate(None, _NO_BRACKETS)
    if max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > MAX_DEPTH:
        raise _bad_json(f"it is nested more than {MAX_DEPTH} deep")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Rejected("DUPLICATE_KEY", "An object names a member twice: get the file anew.")
    return made


def _integer(text: str) -> int:
    # The parser has found a whole number of JSON: no plus, no leading zero.
    if len(text) > 17 or text == "-0" or abs(int(text)) > MAX_NUMBER:
        raise _bad_json(f"'{text[:30]}' is no number up to 2^53 - 1")
    return int(text)


def _not_an_integer(text: str) -> NoReturn:
    raise _bad_json(f"'{text[:30]}' is not an integer")


def _bad_json(why: str) -> Rejected:
    return Rejected("BAD_JSON", f"The file is not strict JSON ({why}): get it anew.")
