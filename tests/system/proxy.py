"""A proxy that breaks a TCP connection on purpose: between gateway and machine, or broker.

It knows where the frames of Modbus TCP and of MQTT end, so that a fault can hit one in its middle.
What it does to each frame is decided while it runs, by chance from its own seed:

    proxy = Proxy(scenario, port, MODBUS)
    proxy.inject(late(0.4), chance=0.2)      # one reply in five
    proxy.heal()
    proxy.cut(); proxy.blackhole(); proxy.freeze()

A fault is a function of a `Flow` and one frame; it sends what it likes, and ends the connection by
raising `Cut`.
"""

import contextlib
import ctypes
import random
import socket
import struct
import threading

MODBUS, MQTT, RAW = "modbus", "mqtt", "raw"
REPLY, REQUEST = "reply", "request"   # towards the gateway; from it

SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27


class Cut(Exception):
    """Ends the connection; with a reset instead of an orderly FIN."""

    def __init__(self, is_reset=False):
        super().__init__()
        self.is_reset = is_reset


# --- where frames end -----------------------------------------------------------------------

def _modbus_size(data):
    return 6 + struct.unpack(">H", data[4:6])[0] if len(data) >= 6 else None


def _mqtt_size(data):
    length, shift = 0, 0
    for at in range(1, min(len(data), 5)):
        length |= (data[at] & 127) << shift
        shift += 7
        if not data[at] & 128:
            return at + 1 + length
    return None


def _frames(data, framing):
    """(whole frames, what is left)."""
    if framing == RAW:
        return ([bytes(data)] if data else []), b""
    size_of = _modbus_size if framing == MODBUS else _mqtt_size
    frames = []
    while True:
        size = size_of(data)
        if size is None or len(data) < size:
            return frames, data
        frames.append(bytes(data[:size]))
        data = data[size:]


# --- faults ---------------------------------------------------------------------------------

def late(seconds):
    """The frame, and all that follow it, come so much later."""
    def fault(flow, frame):
        flow.let_pass(seconds)
        flow.send(frame)
    return fault


def dribble(seconds):
    """One byte at a time, so much apart."""
    def fault(flow, frame):
        for byte in frame:
            flow.send(bytes([byte]))
            flow.let_pass(seconds)
    return fault


def cut_in_frame(flow, frame):
    flow.send(frame[:flow.random.randrange(1, max(len(frame), 2))])
    raise Cut()


def reset_in_frame(flow, frame):
    flow.send(frame[:flow.random.randrange(1, max(len(frame), 2))])
    raise Cut(is_reset=True)


def swallow(_flow, _frame):
    """It never comes."""


def half_then_nothing(flow, frame):
    flow.send(frame[:len(frame) // 2])
    flow.is_muted = True


def duplicate(flow, frame):
    flow.send(frame + frame)


def overtaken(flow, frame):
    """It comes after the next one: an answer of yesterday beside today's."""
    flow.held.append(frame)


def garbage(flow, frame):
    """Bytes that are no frame, as many as there should have been."""
    flow.send(flow.random.randbytes(len(frame)))


def replace(place, change):
    """Modbus: these bytes are other ones."""
    def fault(flow, frame):
        frame = bytearray(frame)
        frame[place] = change(frame[place])
        flow.send(bytes(frame))
    return fault


def _other(data):
    return bytes(byte ^ 0x55 for byte in data)


wrong_transaction = replace(slice(0, 2), _other)
wrong_protocol = replace(slice(2, 4), _other)
lying_length = replace(slice(4, 6), lambda data: struct.pack(">H", 250))
wrong_unit = replace(slice(6, 7), _other)
wrong_function = replace(slice(7, 8), lambda data: bytes([data[0] ^ 1]))
lying_count = replace(slice(8, 9), lambda data: bytes([data[0] ^ 2]))


def exceptions(code):
    """Modbus: every answer is this exception."""
    def fault(flow, frame):
        flow.send(frame[:4] + b"\0\3" + frame[6:7] + bytes([frame[7] | 0x80, code]))
    return fault


# --- the proxy ------------------------------------------------------------------------------

class Flow:
    """One direction of one connection, as a fault sees it."""

    def __init__(self, proxy, direction, sink):
        self.proxy, self.direction, self.sink = proxy, direction, sink
        self.random = proxy.random
        self.held = []
        self.is_muted = False

    def send(self, data):
        if not self.is_muted:
            self.sink.sendall(data)

    def let_pass(self, seconds):
        self.proxy.closed.wait(seconds)

    def pass_on(self, frame):
        self.send(frame)
        for held in self.held:
            self.send(held)
        self.held.clear()


class Proxy:
    """Listens at once. `tap`: called with (connection number, direction, frame) before each frame
    is passed on."""

    def __init__(self, scenario, target, framing=RAW, tap=None, port=0):
        self.target, self.framing, self.tap = target, framing, tap
        self.random = random.Random(scenario.random.random())
        self.connections = 0
        self.injected = 0
        self.closed = threading.Event()
        self._fault, self._chance, self._direction = None, 1.0, REPLY
        self._thawed = threading.Event()
        self._thawed.set()
        self._is_dark = False
        self._lock = threading.Lock()
        self._pairs = set()
        self.port = port
        self._server = None
        self.listen()
        scenario.addCleanup(self.close)

    # What a scenario does.

    def inject(self, fault, chance=1.0, direction=REPLY):
        """From now on, one frame in 1/chance in that direction has this fault."""
        with self._lock:
            self._fault, self._chance, self._direction = fault, chance, direction

    def heal(self):
        """Everything is passed on as it comes; a hole is closed, what was frozen flows."""
        self.inject(None)
        if self._is_dark:
            self._is_dark = False
            self._filter(None)
        self._thawed.set()

    def cut(self, is_reset=False):
        """Ends every connection."""
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            self.injected += 1
            pair.end(is_reset)

    def freeze(self):
        """Half open: the peer's kernel acknowledges all and the peer does nothing, as a machine
        that hangs does."""
        self.injected += 1
        self._thawed.clear()

    def blackhole(self):
        """The network is gone: no packet of these connections arrives, none is acknowledged,
        and no new connection is answered."""
        self.injected += 1
        self._is_dark = True
        self._thawed.clear()
        self._filter(_DROP_ALL)

    def refuse(self):
        """Nobody listens, and what is open ends."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cut()

    def listen(self):
        """Again after refuse(), on the same port."""
        self._server = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._server,), daemon=True).start()

    def close(self):
        self.closed.set()
        self._thawed.set()
        self.refuse()

    # How it does it.

    def _filter(self, program):
        with self._lock:
            sockets = [self._server, *(pair.client for pair in self._pairs)]
        for one in sockets:
            with contextlib.suppress(OSError):
                if program:
                    one.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
                else:
                    one.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)

    def _accept(self, server):
        with contextlib.suppress(OSError):
            while True:
                client, _ = server.accept()
                try:
                    target = socket.create_connection(("127.0.0.1", self.target), 5)
                except OSError:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    client.close()
                    continue
                target.settimeout(None)
                pair = _Pair(client, target)
                with self._lock:
                    self.connections += 1
                    number = self.connections
                    self._pairs.add(pair)
                for source, sink, direction in ((client, target, REQUEST), (target, client, REPLY)):
                    sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    threading.Thread(target=self._pump, daemon=True, args=(
                        pair, source, Flow(self, direction, sink), number)).start()

    def _pump(self, pair, source, flow, number):
        is_reset, rest = False, b""
        with contextlib.suppress(OSError):
            try:
                while data := source.recv(65536):
                    self._thawed.wait()
                    frames, rest = _frames(rest + data, self.framing)
                    for frame in frames:
                        self._pass(flow, frame, number)
            except Cut as cut:
                is_reset = cut.is_reset
        pair.end(is_reset)
        if pair.leave():
            with self._lock:
                self._pairs.discard(pair)

    def _pass(self, flow, frame, number):
        with self._lock:
            fault = self._fault if self._direction == flow.direction else None
            if fault and self.random.random() >= self._chance:
                fault = None
            self.injected += fault is not None
        if self.tap:
            self.tap(number, flow.direction, frame)
        if fault:
            fault(flow, frame)
        else:
            flow.pass_on(frame)


def _program(code, value):
    """A packet filter of one instruction, as setsockopt wants it; it must stay in memory."""
    instruction = ctypes.create_string_buffer(struct.pack("HBBI", code, 0, 0, value))
    _kept.append(instruction)
    return struct.pack("HxxxxxxP", 1, ctypes.addressof(instruction))


_kept = []
_DROP_ALL = _program(0x06, 0)  # BPF_RET | BPF_K: take 0 bytes of the packet, that is none
_RESET = struct.pack("ii", 1, 0)  # linger for 0 s: close() sends a reset


class _Pair:
    """Both sockets of a connection. A socket may be closed only when no pump reads it: until then
    it is shut down, which wakes them."""

    def __init__(self, client, target):
        self.client, self.target = client, target
        self._pumps, self._is_reset, self._lock = 2, False, threading.Lock()

    def end(self, is_reset):
        self._is_reset = self._is_reset or is_reset
        for one in (self.client, self.target):
            with contextlib.suppress(OSError):
                if self._is_reset:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                one.shutdown(socket.SHUT_RD if self._is_reset else socket.SHUT_RDWR)

    def leave(self):
        """A pump is done; returns whether it was the last."""
        with self._lock:
            self._pumps -= 1
            is_last = self._pumps == 0
        if is_last:
            self.client.close()
            self.target.close()
        return is_last
