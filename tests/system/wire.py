"""A bare Modbus TCP client: what comes back, byte by byte, and when."""

import socket
import struct
import time


class Wire:
    def __init__(self, port, timeout=3.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(timeout)
        self.transaction = 0
        self.segments = 0  # pieces in which the last reply arrived

    def close(self):
        self.socket.close()

    def send(self, unit, function, *words, data=b""):
        self.transaction += 1
        body = struct.pack(">BB", unit, function) + b"".join(
            struct.pack(">H", word) for word in words) + data
        self.socket.sendall(struct.pack(">HHH", self.transaction, 0, len(body)) + body)
        return self.transaction

    def _take(self, size):
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise ConnectionResetError("closed by the device")
            self.segments += 1
            data += piece
        return data

    def receive(self):
        """(transaction, unit, function, payload); raises TimeoutError when nothing comes."""
        self.segments = 0
        transaction, protocol, length = struct.unpack(">HHH", self._take(6))
        assert protocol == 0, protocol
        body = self._take(length)
        return transaction, body[0], body[1], body[2:]

    def read(self, unit, function, address, count):
        """The words (or bits), or the exception as a negative number."""
        wanted = self.send(unit, function, address, count)
        transaction, who, code, payload = self.receive()
        assert (transaction, who) == (wanted, unit)
        if code & 0x80:
            return -payload[0]
        data = payload[1:]
        if function in (1, 2):
            return [data[i // 8] >> i % 8 & 1 for i in range(count)]
        return list(struct.unpack(f">{count}H", data))

    def write(self, unit, address, word):
        """0, or the exception as a negative number."""
        self.send(unit, 6, address, word)
        _, _, code, payload = self.receive()
        return -payload[0] if code & 0x80 else 0

    def is_closed(self, timeout):
        """Whether the device ends the connection within this time."""
        self.socket.settimeout(timeout)
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    def seconds_of(self, *arguments):
        start = time.monotonic()
        return self.read(*arguments), time.monotonic() - start
