"""The shipped line with its page, and a real browser that a script of tests/web drives.

The script prints a line of JSON a check, and asks for what only the scenario can do (stop the broker,
kill a PLC) the same way; the answer goes to its input.
"""

import json
import os
import signal
import subprocess

import harness
import shipped

PIN = "4711"
WEB = harness.ROOT / "tests" / "web"


class PageScenario(harness.Scenario):
    """Broker, simulator and gateway with page and Lab; `check` runs the scripts named."""

    def setUp(self):
        super().setUp()
        self.web_port = harness.reserve_port()
        self.url = f"http://127.0.0.1:{self.web_port}"
        self.control = self.dir / "simulator.sock"
        self.pin_file = self.dir / "pin"
        self.pin_file.write_text(PIN + "\n")
        self.line = shipped.Shipped()
        self.mosquitto = self.broker()
        self.options = self.line.options(self, self.mosquitto.port)
        self.start_simulator()
        self.gateway(self.line, *self.options, "--set", f"web.listen=127.0.0.1:{self.web_port}",
                     "--set", f"web.lab={self.control}", "--set", f"web.lab_pin_file={self.pin_file}")

    def start_simulator(self):
        self.plcs = self.simulator(self.line, *self.options[:2], "--control", self.control)

    def start_broker(self):
        self.mosquitto = self.broker(port=self.mosquitto.port)

    def run_copied(self, kind, text):
        """The first line that the copied text prints when it is run."""
        command = ["bash", "-c", text] if kind == "bash" else ["/usr/bin/python3", "-c", text]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              start_new_session=True) as process:
            try:
                return process.stdout.readline()
            finally:
                os.killpg(process.pid, signal.SIGKILL)

    def answer(self, what, values):
        doers = {
            "pin": lambda: PIN,
            "broker": lambda: f"127.0.0.1:{self.mosquitto.port}",
            "stop-broker": lambda: self.mosquitto.stop(),
            "start-broker": self.start_broker,
            "kill-simulator": lambda: self.plcs.kill(),
            "start-simulator": self.start_simulator,
            "run": lambda: self.run_copied(*values),
        }
        try:
            return {"value": doers[what]()}
        except Exception as error:  # pylint: disable=broad-exception-caught
            return {"error": f"{what}: {error!r}"}

    def check(self, *files):
        """Runs these files of tests/web/checks; all they claim must hold."""
        problems, names = [], []
        with subprocess.Popen(["node", WEB / "run.mjs", self.url, *files], cwd=WEB, text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            for line in process.stdout:
                said = json.loads(line)
                if "ask" in said:
                    process.stdin.write(json.dumps(self.answer(said["ask"], said["values"])) + "\n")
                    process.stdin.flush()
                    continue
                names.append(said["check"])
                print(f"{said['ms']:6} ms  {said['check']}", flush=True)
                if said["problem"]:
                    problems.append(f"{said['check']}\n{said['problem']}")
        self.assertFalse(problems, "\n\n".join(problems))
        self.assertEqual(process.returncode, 0, "the script did not end well")
        self.assertTrue(names, "no check ran")
