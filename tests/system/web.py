"""The page's server as its clients see it: plain HTTP, and the stream of events."""

import http.client
import json
import socket
import threading

import harness

HEADERS = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer",
           "cross-origin-resource-policy": "same-origin"}


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self):
        """Exact, as harness.exact_json."""
        return harness.exact_json(self.body.decode("utf-8"))


def ask(port, path, method="GET", body=None, timeout=10, **headers):
    """One request on a connection of its own; underscores in header names become dashes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout * harness.PATIENCE)
    try:
        connection.request(method, path, body,
                           {name.replace("_", "-"): value for name, value in headers.items()})
        return Answer(connection.getresponse())
    finally:
        connection.close()


def raw(port, data, timeout=10):
    """Sends bytes, returns all that comes until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout * harness.PATIENCE) as sock:
        sock.sendall(data)
        received = b""
        while piece := sock.recv(65536):
            received += piece
        return received


def merge(into, change):
    """The change of a message into the state, as the page does it."""
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


class Stream:
    """A viewer: reads the stream in a thread, keeps the merged state and what came."""

    def __init__(self, scenario, port):
        self.state, self.messages, self.is_ended = {}, [], False
        self._changed = threading.Condition()
        self.connection = http.client.HTTPConnection("127.0.0.1", port,
                                                     timeout=20 * harness.PATIENCE)
        self.connection.request("GET", "/api/stream")
        self.response = self.connection.getresponse()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        scenario.addCleanup(self.close)

    def _read(self):
        name = None
        try:
            for line in self.response:
                if line.startswith(b"event: "):
                    name = line[7:].strip().decode()
                elif line.startswith(b"data: "):
                    self._take(name, json.loads(line[6:]))
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            pass
        with self._changed:
            self.is_ended = True
            self._changed.notify_all()

    def _take(self, name, data):
        with self._changed:
            if name == "state":
                self.state = data
            elif name == "change":
                merge(self.state, data)
            self.messages.append((name, data))
            self._changed.notify_all()

    def wait(self, fits, timeout=10, what="a state"):
        """Until `fits(stream)` is true; returns that."""
        with self._changed:
            found = []
            if not self._changed.wait_for(lambda: found.append(fits(self)) or found[-1]
                                          or self.is_ended, timeout * harness.PATIENCE):
                raise harness.TimedOut(f"the stream never showed {what}")
            if not found[-1]:
                raise harness.TimedOut(f"the stream ended before it showed {what}")
            return found[-1]

    def close(self):
        try:
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        except (OSError, AttributeError):
            pass
        self._thread.join(5)
        self.connection.close()
