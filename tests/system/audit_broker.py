"""A minimal MQTT broker that is a witness: each payload is in its file before it is acknowledged.

Speaks just enough of MQTT 3.1.1 and 5 for one publisher: CONNECT, PUBLISH with QoS 0 and 1,
PINGREQ, DISCONNECT. What happens to a QoS 1 message is decided by `judge`, so that a scenario can
cut the connection at the worst moment, lose, delay, double or mix acknowledgements, or refuse.

As a program, for scenarios that kill it: `audit_broker.py PORT FILE` acknowledges everything and
prints `ready`.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import socket
import struct
import sys
import threading
import time

# What judge() may say of a message.
ACK = "ack"
CUT_BEFORE_STORE = "cut-before-store"   # the message never arrived
CUT_AFTER_STORE = "cut-after-store"     # it arrived; its PUBACK did not leave
CUT_AFTER_ACK = "cut-after-ack"
NO_ACK = "no-ack"                       # the connection stays, the PUBACK never comes
TWICE = "twice"                         # the PUBACK comes two times
SWAP = "swap"                           # it comes after that of the next message
HOLD = "hold"                           # it comes when nothing more has come for HOLD_S
REFUSE = "refuse"                       # MQTT 5: 0x87 not authorised
LATE = "late"                           # it comes after LATE_S, whatever comes meanwhile

HOLD_S = 0.05
LATE_S = 2.0


@dataclasses.dataclass(frozen=True)
class Refuse:
    """REFUSE with another reason code (MQTT 5, 3.4.2.1)."""
    code: int


@dataclasses.dataclass(frozen=True)
class Delay:
    """The PUBACK, and all that follow it, come so much later."""
    seconds: float


@dataclasses.dataclass
class Publish:
    topic: str
    text: str
    qos: int
    is_retained: bool
    is_repeat: bool
    packet_id: int
    number: int        # of the QoS 1 messages, over all connections, from 0
    connection: int
    time: float


class _Session:
    """The state of one connection."""

    def __init__(self, connection, number):
        self.connection = connection
        self.number = number
        self.version = 4
        self.will = None
        self.held = []    # PUBACKs that wait for the next message's, or for silence
        self.lock = threading.Lock()
        self.timer = None

    def hold(self, ack):
        """Returns how many are held."""
        with self.lock:
            self.held.append(ack)
            if self.timer:
                self.timer.cancel()
            self.timer = threading.Timer(HOLD_S, self.release)
            self.timer.start()
            return len(self.held)

    def send_later(self, ack):
        def send():
            with self.lock, contextlib.suppress(OSError):
                self.connection.sendall(ack)
        timer = threading.Timer(LATE_S, send)
        timer.daemon = True
        timer.start()

    def release(self):
        with self.lock, contextlib.suppress(OSError):
            self.connection.sendall(b"".join(self.held))
            self.held.clear()


class AuditBroker:
    def __init__(self, scenario, judge=None, receive_maximum=20, port=0, name="audit",
                 connect_code=0, maximum_packet_size=None, path=None):
        self.judge = judge or (lambda publish: ACK)
        self.receive_maximum = receive_maximum
        self.maximum_packet_size = maximum_packet_size
        self.connect_code = connect_code
        self.path = path or scenario.dir / f"{name}.jsonl"
        self.messages = []
        self.wills = []
        self.connections = 0
        self.cuts = 0
        self.most_held = 0
        self._changed = threading.Condition()
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._qos1_count = 0
        self._sockets = set()
        self._server = None
        self.port = port
        self.refusals = 0
        self.open()
        if scenario:
            scenario.addCleanup(self.close)

    def open(self):
        """Begins to listen; again after close(), on the same port."""
        self._server = socket.create_server(("127.0.0.1", self.port), backlog=16)
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._server,), daemon=True).start()

    def close(self):
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        with self._changed:
            sockets = list(self._sockets)
        for connection in sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def wait_for(self, condition, timeout):
        """Awaits a condition on this object; returns whether it came."""
        with self._changed:
            return self._changed.wait_for(lambda: condition(self), timeout)

    def payloads(self, leaf="samples"):
        with self._changed:
            return [m.text for m in self.messages if m.topic.endswith("/" + leaf)]

    def _accept(self, server):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self._changed:
                    self.connections += 1
                    self._sockets.add(connection)
                    session = _Session(connection, self.connections)
                    self._changed.notify_all()
                threading.Thread(target=self._serve, args=(session,), daemon=True).start()

    def _serve(self, session):
        reader = session.connection.makefile("rb")
        is_orderly = False
        with contextlib.suppress(OSError, EOFError, struct.error), session.connection:
            while True:
                kind, flags, body = _read_packet(reader)
                if kind == 14:
                    is_orderly = not body or body[0] == 0
                    break
                if not self._packet(session, kind, flags, body):
                    break
        with self._changed:
            self._sockets.discard(session.connection)
            if session.will and not is_orderly:
                self.wills.append(session.will)
            self._changed.notify_all()

    def _packet(self, session, kind, flags, body):
        if kind == 1:
            session.version, session.will = _parse_connect(body)
            session.connection.sendall(self._connack(session.version))
            return self.connect_code == 0
        if kind == 3:
            return self._publish(session, flags, body)
        if kind == 12:
            session.connection.sendall(b"\xd0\x00")
        elif kind == 8:
            count = 1
            session.connection.sendall(_packet(9, 0, body[:2] + (b"\0" if session.version == 5
                                                                 else b"") + b"\1" * count))
        return True

    def _connack(self, version):
        if version != 5:
            return _packet(2, 0, bytes([0, self.connect_code]))
        properties = b"\x21" + struct.pack(">H", self.receive_maximum)
        if self.maximum_packet_size:
            properties += b"\x27" + struct.pack(">I", self.maximum_packet_size)
        return _packet(2, 0, bytes([0, self.connect_code, len(properties)]) + properties)

    def _publish(self, session, flags, body):
        publish = self._parse_publish(session, flags, body)
        verdict = self.judge(publish) if publish.qos else ACK
        if verdict == REFUSE:
            verdict = Refuse(0x87)
        if verdict == CUT_BEFORE_STORE:
            self.cuts += 1
            return False
        code = verdict.code if isinstance(verdict, Refuse) else 0
        if code:
            self.refusals += 1
        else:
            self._store(publish)
        if publish.qos == 0:
            return True
        if verdict == CUT_AFTER_STORE:
            self.cuts += 1
            return False
        if isinstance(verdict, Delay):
            threading.Event().wait(verdict.seconds)
        ack = _packet(4, 0, struct.pack(">H", publish.packet_id) + (
            bytes([code]) if session.version == 5 and code else b""))
        if verdict == LATE:
            session.send_later(ack)
            return True
        if verdict == HOLD:
            self.most_held = max(self.most_held, session.hold(ack))
            return True
        if verdict == SWAP and not session.held:
            session.held.append(ack)
            return True
        if verdict != NO_ACK:
            session.connection.sendall(ack * (2 if verdict == TWICE else 1))
        if session.held:
            session.connection.sendall(b"".join(session.held))
            session.held.clear()
        if verdict == CUT_AFTER_ACK:
            self.cuts += 1
            return False
        return True

    def _parse_publish(self, session, flags, body):
        qos = flags >> 1 & 3
        length = struct.unpack(">H", body[:2])[0]
        topic, position, packet_id = body[2:2 + length].decode(), 2 + length, 0
        if qos:
            packet_id = struct.unpack(">H", body[position:position + 2])[0]
            position += 2
        if session.version == 5:
            size, position = _variable_integer(body, position)
            position += size
        number = self._qos1_count
        self._qos1_count += bool(qos)
        return Publish(topic, body[position:].decode(), qos, bool(flags & 1), bool(flags & 8),
                       packet_id, number, session.number, time.monotonic())

    def _store(self, publish):
        os.write(self._file, (json.dumps(vars(publish)) + "\n").encode())
        with self._changed:
            self.messages.append(publish)
            self._changed.notify_all()


def _packet(kind, flags, body):
    length, head = len(body), bytearray([kind << 4 | flags])
    while True:
        head.append(length % 128 | (0x80 if length > 127 else 0))
        length //= 128
        if not length:
            return bytes(head) + body


def _read_packet(reader):
    first = reader.read(1)
    if not first:
        raise EOFError
    length, shift = 0, 0
    while True:
        byte = reader.read(1)
        if not byte:
            raise EOFError
        length |= (byte[0] & 127) << shift
        shift += 7
        if not byte[0] & 128:
            break
    body = reader.read(length)
    if len(body) < length:
        raise EOFError
    return first[0] >> 4, first[0] & 15, body


def _variable_integer(body, position):
    value, shift = 0, 0
    while True:
        byte = body[position]
        position += 1
        value |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            return value, position


def _parse_connect(body):
    """The protocol version and the will: (topic, payload) or None."""
    def text(position):
        length = struct.unpack(">H", body[position:position + 2])[0]
        return body[position + 2:position + 2 + length], position + 2 + length

    _, position = text(0)
    version, flags = body[position], body[position + 1]
    position += 4
    if version == 5:
        size, position = _variable_integer(body, position)
        position += size
    _, position = text(position)
    if not flags & 4:
        return version, None
    if version == 5:
        size, position = _variable_integer(body, position)
        position += size
    topic, position = text(position)
    payload, _ = text(position)
    return version, (topic.decode(), payload.decode())


if __name__ == "__main__":
    AuditBroker(None, port=int(sys.argv[1]), path=pathlib.Path(sys.argv[2]))
    print("ready", flush=True)
    threading.Event().wait()
