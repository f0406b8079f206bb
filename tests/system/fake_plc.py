"""Modbus TCP devices that misbehave, and a healthy one to compare with.

Its own frame code: nothing here knows libmodbus, the simulator or the gateway. A device is a
table of words and a function that decides what to do with each request.
"""

import contextlib
import dataclasses
import socket
import struct
import threading
import time

TABLE_OF_FUNCTION = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}


@dataclasses.dataclass
class Request:
    transaction: int
    unit: int
    function: int
    address: int
    count: int
    number: int      # counts from 0 over all connections
    time: float      # monotonic

    @property
    def table(self):
        return TABLE_OF_FUNCTION.get(self.function)


def frame(request, pdu, transaction=None, unit=None, length=None):
    """A reply to the request; what is named is told wrongly."""
    return struct.pack(">HHHB", request.transaction if transaction is None else transaction, 0,
                       len(pdu) + 1 if length is None else length,
                       request.unit if unit is None else unit) + pdu


def exception(request, code):
    return frame(request, bytes([request.function | 0x80, code]))


class FakePlc:
    """Listens at once; `behave(plc, connection, request)` answers, `healthy` unless given.

    tables: {"holding": {address: word}}, the same for every unit unless `units` says otherwise:
    {unit: tables}. What is not in a table is refused with exception 2."""

    def __init__(self, scenario, behave=None, tables=None, units=None, port=0):
        self.behave = behave or healthy
        self.tables = tables or {}
        self.units = units
        self.requests = []
        self.connections = 0
        self.lock = threading.Lock()
        self._open = set()
        self._is_closing = False
        self._server = socket.create_server(("127.0.0.1", port), backlog=64)
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        scenario.addCleanup(self.close)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self.lock:
                    self.connections += 1
                    self._open.add(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        # A device that is killed, or a gateway that leaves, ends the conversation: no error.
        with contextlib.suppress(OSError, EOFError), connection:
            while True:
                head = _receive(connection, 7)
                transaction, _, length, unit = struct.unpack(">HHHB", head)
                body = _receive(connection, length - 1)
                function, address, count = struct.unpack(">BHH", body[:5])
                with self.lock:
                    request = Request(transaction, unit, function, address, count,
                                      len(self.requests), time.monotonic())
                    self.requests.append(request)
                self.behave(self, connection, request)
        with self.lock:
            self._open.discard(connection)

    def reply(self, request):
        """What a healthy device would answer."""
        tables = self.units.get(request.unit, {}) if self.units is not None else self.tables
        table = tables.get(request.table, {})
        addresses = range(request.address, request.address + request.count)
        with self.lock:
            if any(address not in table for address in addresses):
                return exception(request, 2)
            values = [table[address] for address in addresses]
        if request.function <= 2:
            data = bytearray((request.count + 7) // 8)
            for index, value in enumerate(values):
                data[index // 8] |= bool(value) << index % 8
        else:
            data = struct.pack(f">{len(values)}H", *values)
        return frame(request, bytes([request.function, len(data)]) + bytes(data))

    def cut(self):
        """Ends every open connection with a reset, as a device that loses power does not, but
        as one that starts again does."""
        with self.lock:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                      struct.pack("ii", 1, 0))
                connection.shutdown(socket.SHUT_RDWR)

    def close(self):
        """Nobody listens there any more."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cut()


def _receive(connection, count):
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data


# --- ways to behave -------------------------------------------------------------------------

def healthy(plc, connection, request):
    connection.sendall(plc.reply(request))


def mute(_plc, _connection, _request):
    """Takes the request and never answers."""


def one_byte_then_nothing(plc, connection, request):
    connection.sendall(plc.reply(request)[:1])


def lying_length(plc, connection, request):
    """The header announces more than ever comes."""
    reply = plc.reply(request)
    connection.sendall(reply[:4] + struct.pack(">H", 200) + reply[6:])


def wrong_transaction(plc, connection, request):
    reply = plc.reply(request)
    connection.sendall(struct.pack(">H", request.transaction ^ 0x5555) + reply[2:])


def wrong_unit(plc, connection, request):
    reply = plc.reply(request)
    connection.sendall(reply[:6] + bytes([request.unit ^ 3]) + reply[7:])


def refusing(code):
    """Every request is answered with that exception."""
    def behave(_plc, connection, request):
        connection.sendall(exception(request, code))
    return behave


def words(count, table="holding", start=0):
    """Tables of a device with that many words in a row, each holding its own address."""
    return {table: {start + index: start + index for index in range(count)}}
