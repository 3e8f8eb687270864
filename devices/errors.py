"""Errors of the device layer.

DeviceError
├── Undecodable          a message that cannot be understood as its registered protocol
└── WireError            bytes or fields that break a wire format, see :mod:`devices.wire.errors`
"""


class DeviceError(Exception):
    """Base of all errors raised in :mod:`devices`."""


class Undecodable(DeviceError):
    """A message cannot be understood.

    ``reason`` is a stable short word for counting, ``detail`` names value and limit.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
