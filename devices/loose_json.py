"""JSON as devices really send it: strict first, then forgiving.

Real firmware prints ``nan`` for a missing fix, writes names in GBK, leaves a C string's NUL at the end. None of that
may cost an alarm beside it.
"""

import json
from typing import Any

import msgspec

from devices.errors import Undecodable

_STRICT = msgspec.json.Decoder()
_PADDING = b"\0 \t\r\n"
_BOM = b"\xef\xbb\xbf"


def parse(payload: bytes, faults: list[str]) -> Any:
    """The JSON value in ``payload``; what had to be forgiven is named in ``faults``.

    Forgiven: a byte order mark, trailing NULs, text that is not UTF-8, lone surrogates, NaN and Infinity, control
    characters within text. Raises Undecodable ``not_json`` where none of that helps.
    """
    try:
        return _STRICT.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    return _forgiving(payload, faults)


def _forgiving(payload: bytes, faults: list[str]) -> Any:
    text = payload.removeprefix(_BOM).strip(_PADDING).decode("utf-8", "replace")
    try:
        value = json.loads(text, strict=False, parse_constant=str)
    except RecursionError:
        raise Undecodable("not_json", "nested too deeply") from None
    except ValueError as error:
        raise Undecodable("not_json", f"{error}; {len(payload)} bytes in all") from error
    faults.append("payload: not strict JSON, read forgivingly")
    return value
