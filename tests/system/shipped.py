"""The shipped factory file, read just far enough to run it beside others."""

import csv
import re

import harness

PATH = harness.ROOT / "config" / "formlab.conf"


def machines():
    """{machine: {key: value}} of the shipped file, with its area and map."""
    found, section = {}, ""
    for line in PATH.read_text(encoding="utf-8").splitlines():
        line = re.sub(r"(^|\s)#.*", "", line).strip()
        if line.startswith("["):
            section = line.strip("[]")
        elif "=" in line and section.startswith("machine "):
            key, value = map(str.strip, line.split("=", 1))
            found.setdefault(section.removeprefix("machine "), {})[key] = value
    return found


def ports():
    return [int(port) for port in re.findall(r"^port\s*=\s*(\d+)", PATH.read_text(), re.MULTILINE)]


def tags(map_file):
    text = (PATH.parent / map_file).read_text(encoding="utf-8-sig")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    delimiter = ";" if ";" in lines[0] else ","
    return [row["tag"] for row in csv.DictReader(lines, delimiter=delimiter)]


class Shipped:
    """The shipped file as a scenario's factory: `write` gives what Gateway and Simulator want."""

    def __init__(self, web_port=None):
        self.path = PATH
        self.web = f"127.0.0.1:{web_port}" if web_port else "off"
        self.offset = harness.reserve_offset(ports())

    def write(self):
        return self

    def options(self, scenario, broker_port):
        """Simulator: the first two; gateway: all."""
        return ["--port-offset", self.offset,
                "--set", f"broker.url=mqtt://127.0.0.1:{broker_port}",
                "--set", f"web.listen={self.web}",
                "--set", f"journal.file={scenario.dir}/journal.db"]
