"""What is sent leaves at once: no small packet waits for the acknowledgement of the one before."""

import ctypes
import os
import pathlib
import re
import socket

import harness

PIDFD_OPEN, PIDFD_GETFD = 434, 438  # system calls, the same on every architecture


def borrowed(pid, descriptor):
    """A copy of another process's socket."""
    system_call = ctypes.CDLL(None, use_errno=True).syscall
    process = system_call(PIDFD_OPEN, pid, 0)
    copy = system_call(PIDFD_GETFD, process, descriptor, 0)
    os.close(process)
    if copy < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    return socket.socket(fileno=copy)


def socket_to(pid, port):
    """The process's connected socket whose peer has this port."""
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        if not re.match(r"socket:", os.readlink(entry)):
            continue
        with borrowed(pid, int(entry.name)) as found:
            try:
                if found.getpeername()[1] == port:
                    return found.dup()
            except (OSError, IndexError, TypeError):
                continue
    return None


class Prompt(harness.Scenario):
    @harness.quick
    def test_the_socket_to_the_broker_sends_at_once(self):
        broker = self.broker()
        factory = self.pattern_factory(2, 5, "100 ms").broker(broker.port)
        self.simulator(factory)
        gateway = self.gateway(factory)
        watcher = self.subscriber(broker.port)
        watcher.wait_topic("/p0/samples", timeout=10)
        with socket_to(gateway.popen.pid, broker.port) as found:
            self.assertEqual(found.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), 1)
            harness.wait_until(
                lambda: found.getsockopt(socket.IPPROTO_TCP, socket.TCP_CORK) == 0, 2,
                "nothing is held back")
            self.assertEqual(found.getsockopt(socket.IPPROTO_TCP, 18), 5000, "TCP_USER_TIMEOUT")
