"""A Modbus TCP server by pymodbus, in a thread of its own, whose registers a test sets."""

import asyncio
import threading
import time

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.interfaces import IModbusSlaveContext
from pymodbus.server.async_io import ModbusTcpServer

FUNCTIONS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
SIZE = 1000


class Images(IModbusSlaveContext):
    """A unit whose registers are another image in every poll: `images` are served one after
    the other, each to one whole cycle of requests. A cycle begins with the request that was
    the very first; `starts` are the wall times at which they did, `asked` the first cycle."""

    def __init__(self, images):
        super().__init__()
        self.images = images
        self.starts = []
        self.asked = []
        self.served = 0

    def validate(self, fx, address, count=1):
        return True

    def getValues(self, fx, address, count=1):
        request = (fx, address, count)
        if not self.asked or request == self.asked[0]:
            self.starts.append(time.time())
        if len(self.starts) == 1:
            self.asked.append(request)
        self.served += 1
        image = self.images[min(len(self.starts), len(self.images)) - 1][fx]
        return [image.get(at, 0xffff) for at in range(address, address + count)]

    def setValues(self, fx, address, values):
        raise AssertionError("the gateway writes")


class PymodbusPlc:
    """`units`: numbers, or {number: slave context}."""

    def __init__(self, scenario, units=range(1, 41)):
        def block():
            return ModbusSequentialDataBlock(0, [0] * SIZE)
        self._slaves = units if isinstance(units, dict) else {
            unit: ModbusSlaveContext(di=block(), co=block(), hr=block(), ir=block(),
                                     zero_mode=True) for unit in units}
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._is_listening = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        if not self._is_listening.wait(10):
            raise AssertionError("pymodbus does not listen")
        scenario.addCleanup(self.close)

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.run_forever()

    async def _serve(self):
        context = ModbusServerContext(slaves=self._slaves, single=False)
        self._server = ModbusTcpServer(context, address=("127.0.0.1", 0),
                                       allow_reuse_address=True)
        self._serving = asyncio.ensure_future(self._server.serve_forever())
        await self._server.serving
        self.port = self._server.server.sockets[0].getsockname()[1]
        self._is_listening.set()

    def fill(self, unit, table, words):
        """Sets {address: word}, between two requests."""
        done = threading.Event()

        def set_all():
            for address, word in words.items():
                self._slaves[unit].setValues(FUNCTIONS[table], address, [word])
            done.set()
        self._loop.call_soon_threadsafe(set_all)
        if not done.wait(10):
            raise AssertionError("pymodbus hangs")

    def close(self):
        def cancel_all():
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.call_soon(self._loop.stop)
        self._loop.call_soon_threadsafe(cancel_all)
        self._thread.join(5)
