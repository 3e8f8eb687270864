"""paho-mqtt on a connection in memory: the reference that our MQTT codec is tested and measured against."""

from typing import Any

from paho.mqtt import client, enums

paho: Any = client  # its private methods are in no description
paho_enums: Any = enums


class MemorySocket:
    """As much of a socket as paho uses: ``sent`` collects what paho writes, ``arriving`` is what it will read."""

    def __init__(self) -> None:
        self.sent = bytearray()
        self.arriving = b""
        self._read = 0

    def recv(self, buffer_size: int) -> bytes:
        """Return what has arrived, at most so many bytes; an empty connection would block."""
        piece = self.arriving[self._read : self._read + buffer_size]
        if not piece:
            raise BlockingIOError
        self._read += len(piece)
        return piece

    def deliver(self, stream: bytes) -> None:
        """Let these bytes arrive behind those that have been read."""
        self.arriving = self.arriving[self._read :] + stream
        self._read = 0

    @property
    def drained(self) -> bool:
        """Everything that arrived has been read."""
        return self._read == len(self.arriving)

    def send(self, buffer: bytes | bytearray) -> int:
        """Take everything."""
        self.sent += buffer
        return len(buffer)

    def close(self) -> None:
        """Nothing is held open."""

    def fileno(self) -> int:
        """Return no descriptor: there is none."""
        return -1

    def setblocking(self, flag: bool) -> None:
        """Never block, whatever is asked."""


class PahoOnMemory:
    """paho's client on a :class:`MemorySocket`; ``client`` is that client, for its public interface and callbacks."""

    def __init__(self, *, client_id: str = "paho", clean_session: bool = True, manual_ack: bool = False) -> None:
        self.memory = MemorySocket()
        self.client = paho.Client(
            paho_enums.CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=clean_session,
            protocol=paho_enums.MQTTProtocolVersion.MQTTv311,
            manual_ack=manual_ack,
            reconnect_on_failure=False,
        )
        self.client._create_socket = lambda: self.memory

    def connect(self, keep_alive_s: int = 60) -> None:
        """Write CONNECT."""
        self.client.connect("in-memory", keepalive=keep_alive_s)

    def read(self, stream: bytes) -> None:
        """Let this piece of a stream arrive; paho has called its callbacks on return. AssertionError if it objects."""
        self.memory.deliver(stream)
        while not self.memory.drained:
            outcome = self.client.loop_read()
            assert outcome == 0, f"paho objects: {outcome!r}"

    def written(self) -> bytes:
        """Return, once, what paho has written since."""
        sent = bytes(self.memory.sent)
        self.memory.sent.clear()
        return sent

    def write_publish(
        self, topic: str, payload: bytes, *, qos: int, retain: bool = False, dup: bool = False, packet_id: int = 0
    ) -> None:
        """Write a PUBLISH with flags and packet id of our choice, which paho's public interface does not offer."""
        written = paho.MQTTMessageInfo(packet_id)
        self.client._send_publish(packet_id, topic.encode(), payload, qos, retain, dup, info=written)
