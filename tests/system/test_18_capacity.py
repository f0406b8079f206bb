"""The simulator is never what a test waits for: 1,000 endpoints, 5,000 connections, and 50,000 reads
of 100 registers a second of one core."""

import os
import pathlib
import resource
import socket
import struct
import unittest

import harness

ENDPOINTS = 1000
CONNECTIONS = 5000
REGISTERS = 100
READS = 96000
BATCH = 64  # requests of one connection that are on their way at once
REQUEST = struct.pack(">HHHBBHH", 1, 0, 6, 1, 3, 0, REGISTERS)
REPLY_SIZE = 9 + 2 * REGISTERS


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Capacity(harness.Scenario):
    def setUp(self):
        super().setUp()
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if limit < CONNECTIONS + ENDPOINTS + 100:
            raise unittest.SkipTest(f"{limit} descriptors are too few for this claim")
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    def begin(self, endpoints):
        """A simulator without journal: what the oracle writes is another claim."""
        factory = self.factory().set("broker", url="mqtt://127.0.0.1:1")
        table = factory.map("words.csv", harness.holding_words(REGISTERS))
        ports = [harness.reserve_port() for _ in range(endpoints)]
        for index, port in enumerate(ports):
            factory.link(f"p{index}", port)
            factory.machine(f"p{index}", f"p{index}", table, every="1 s", simulate="pattern")
        self.sim = harness.Process(self, "simulator", [
            harness.BUILD / "formlab-simulator", "run", factory.write().path])
        self.sim.wait_line(r"^ready\b", 30)
        return ports

    def connect(self, port):
        link = socket.create_connection(("127.0.0.1", port), 20)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.addCleanup(link.close)
        return link

    @harness.limit(90)
    def test_1000_endpoints_5000_connections(self):
        ports = self.begin(ENDPOINTS)
        links = [self.connect(ports[index % ENDPOINTS]) for index in range(CONNECTIONS)]
        before = self.sim.rss_kib()
        for _ in range(2):
            for link in links:
                link.sendall(REQUEST)
            for link in links:
                reply = link.makefile("rb").read(REPLY_SIZE)
                self.assertEqual(reply[:9], struct.pack(">HHHBBB", 1, 0, 203, 1, 3, 200))
        self.assertGreater(self.sim.descriptors(), CONNECTIONS + ENDPOINTS)
        self.assertLess(self.sim.rss_kib() - before, 8 * 1024, "memory that answers cost")

    @harness.limit(60)
    def test_50000_reads_a_second_of_one_core(self):
        link = self.connect(self.begin(1)[0])
        replies = link.makefile("rb")
        self.addCleanup(replies.close)
        cpu = cpu_seconds(self.sim.pid)
        for _ in range(READS // BATCH):
            link.sendall(REQUEST * BATCH)
            self.assertEqual(len(replies.read(REPLY_SIZE * BATCH)), REPLY_SIZE * BATCH)
        rate = READS / (cpu_seconds(self.sim.pid) - cpu)
        self.assertGreater(rate, 50000 / harness.PATIENCE, "reads a second of one core")
