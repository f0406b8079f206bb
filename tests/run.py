"""Runs the tests: unit and contract programs (cmocka), then the numbered system scenarios.

    tests/run.py [--build build/release] [--kind all|unit|system|quick] [--only NAME] [--jobs 5]

Each scenario is a process of its own with a directory of its own, kept below BUILD/failed/ when
it fails. The last line is `N passed, N failed`; the exit code is 1 if any failed or none ran.
"""

import argparse
import concurrent.futures
import dataclasses
import importlib
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parents[1]
SYSTEM = ROOT / "tests" / "system"
TORTURE = ROOT / "tests" / "torture"  # some of it in small belongs to the scenarios
UNIT_LIMIT_S = 120
SCENARIO_LIMIT_S = 60


@dataclasses.dataclass
class Result:
    group: str
    name: str
    seconds: float = 0
    failure: str = ""
    is_skipped: bool = False
    kept: str = ""

    @property
    def title(self):
        return f"{self.group}.{self.name}"


@dataclasses.dataclass
class Scenario:
    module: str
    case: str
    method: str
    limit_s: int
    is_quick: bool
    is_exclusive: bool

    @property
    def name(self):
        return f"{self.module}.{self.method.removeprefix('test_')}"


class Report:
    """Prints a line as each test ends; several threads may end one at a time."""

    def __init__(self):
        self.results = []
        self._lock = threading.Lock()

    def add(self, result):
        with self._lock:
            self.results.append(result)
            word = "FAIL" if result.failure else "skip" if result.is_skipped else "ok"
            print(f"{word:<5}{result.seconds:7.2f} s  {result.title}", flush=True)
            if result.failure:
                print("    " + result.failure.strip().replace("\n", "\n    "), flush=True)
            if result.kept:
                print(f"    logs, configuration and seed: {result.kept}", flush=True)

    def failed(self):
        return [result for result in self.results if result.failure]

    def passed(self):
        return [result for result in self.results if not result.failure and not result.is_skipped]

    def write_junit(self, path):
        suites = xml.Element("testsuites")
        for group in dict.fromkeys(result.group for result in self.results):
            members = [result for result in self.results if result.group == group]
            suite = xml.SubElement(suites, "testsuite", name=group, tests=str(len(members)),
                                   failures=str(sum(bool(m.failure) for m in members)),
                                   skipped=str(sum(m.is_skipped for m in members)),
                                   time=f"{sum(m.seconds for m in members):.3f}")
            for member in members:
                case = xml.SubElement(suite, "testcase", classname=group, name=member.name,
                                      time=f"{member.seconds:.3f}")
                if member.failure:
                    text = re.sub(r"[^\t\n\x20-\ud7ff\ue000-\ufffd]", "?", member.failure)
                    xml.SubElement(case, "failure", message=headline(text)).text = text
                elif member.is_skipped:
                    xml.SubElement(case, "skipped")
        path.parent.mkdir(parents=True, exist_ok=True)
        xml.ElementTree(suites).write(path, encoding="utf-8", xml_declaration=True)


def headline(text):
    """The line of a failure that says most: Python's last exception, else the first line."""
    lines = text.strip().splitlines()
    errors = [line for line in lines if re.match(r"[\w.]*(Error|TimedOut|Exception)\b", line)]
    return (errors[-1] if errors else lines[0])[:200]


# --- unit and contract programs -------------------------------------------------------------

def unit_programs(build, only):
    """The programs that the sources name: one that was not built is a failure, not an absence."""
    for source in sorted([*ROOT.glob("tests/unit/test_*.c"), *ROOT.glob("tests/contract/test_*.c")]):
        group = f"{source.parent.name}.{source.stem}"
        if only and only not in group:
            tests = re.findall(r"cmocka_unit_test\w*\(\s*(\w+)", source.read_text())
            if not any(only in f"{group}.{test}" for test in tests):
                continue
        yield group, build / "tests" / source.parent.name / source.stem


def run_unit(group, program, build, report, only, patience):
    environment = {**os.environ, "CMOCKA_MESSAGE_OUTPUT": "xml"}
    environment.pop("CMOCKA_XML_FILE", None)
    start = time.monotonic()
    code, output = run_program([str(program)], environment, UNIT_LIMIT_S * patience)
    seconds = time.monotonic() - start
    results = list(read_cmocka(group, output))
    if code != 0 and not any(result.failure for result in results):
        results.append(Result(group, "program", seconds, f"ended with {code}\n{output[-3000:]}"))
    elif not results:
        results.append(Result(group, "program", seconds, "ran no test"))
    if any(result.failure for result in results):
        kept = build / "failed" / group
        kept.mkdir(parents=True, exist_ok=True)
        (kept / "output").write_text(output)
        for result in results:
            result.kept = str(kept) if result.failure else ""
    for result in results:
        if not only or only in result.title:
            report.add(result)


def run_program(command, environment, limit_s):
    """(exit code, all it said); what it started and did not end is ended with it."""
    with tempfile.TemporaryFile() as log:
        try:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log,
                                       stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT,
                                       start_new_session=True)
        except OSError as error:
            return -1, f"{command[0]}: {error.strerror}; `make test` builds it"
        late = ""
        try:
            process.wait(limit_s)
        except subprocess.TimeoutExpired:
            late = f"\nnot done after {limit_s} s"
        end_group(process)
        log.seek(0)
        return process.returncode, log.read().decode("utf-8", "replace") + late


CMOCKA_CASE = re.compile(r'<testcase name="([^"]*)" time="([^"]*)" >(.*?)</testcase>', re.DOTALL)


def read_cmocka(group, output):
    """What cmocka says in XML between whatever else was printed. Not with an XML parser: a
    message that holds a `]]>` or a control character would break it."""
    for name, seconds, body in CMOCKA_CASE.findall(output):
        failure = re.search(r"<(?:failure|error)[^>]*>(?:<!\[CDATA\[)?(.*?)(?:\]\]>)?\s*"
                            r"</(?:failure|error)>", body, re.DOTALL)
        yield Result(group, name, float(seconds), (failure.group(1) or "failed") if failure else "",
                     "<skipped/>" in body and not failure)


# --- system scenarios -----------------------------------------------------------------------

def scenarios(kind, only):
    sys.path[:0] = [str(SYSTEM), str(TORTURE)]
    found = []
    for file in sorted(SYSTEM.glob("test_[0-9]*.py")):
        for case in unittest.defaultTestLoader.loadTestsFromModule(importlib.import_module(file.stem)):
            for test in case:
                method = getattr(test, test._testMethodName)
                scenario = Scenario(file.stem, type(test).__name__, test._testMethodName,
                                    getattr(method, "limit_s", SCENARIO_LIMIT_S),
                                    getattr(method, "is_quick", False),
                                    getattr(method, "is_exclusive", False))
                if (kind != "quick" or scenario.is_quick) and (not only or only in scenario.name):
                    found.append(scenario)
    return sorted(found, key=lambda scenario: -scenario.limit_s)


def run_scenario(scenario, build, report, patience):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="formlab-test-"))
    seed = os.environ.get("FORMLAB_SEED") or str(random.SystemRandom().randrange(2**31))
    environment = {**os.environ, "FORMLAB_BUILD": str(build), "FORMLAB_TEST_DIR": str(folder),
                   "FORMLAB_SEED": seed, "PYTHONDONTWRITEBYTECODE": "1",
                   "PYTHONPATH": str(TORTURE)}
    start = time.monotonic()
    with open(folder / "test.log", "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "unittest",
             f"{scenario.module}.{scenario.case}.{scenario.method}"], cwd=SYSTEM,
            env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            start_new_session=True)
        try:
            process.wait(scenario.limit_s * patience)
            late = ""
        except subprocess.TimeoutExpired:
            late = f"not done after {scenario.limit_s * patience} s\n"
    end_group(process)
    output = (folder / "test.log").read_text("utf-8", "replace")
    result = Result("system", scenario.name, time.monotonic() - start)
    if late or process.returncode != 0:
        kept = build / "failed" / scenario.name
        shutil.rmtree(kept, ignore_errors=True)
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(folder, kept)
        result.failure = late + f"seed {seed}\n" + output[-5000:]
        result.kept = str(kept)
    else:
        result.is_skipped = re.search(r"^OK \(skipped=1\)$", output, re.MULTILINE) is not None
        shutil.rmtree(folder)
    report.add(result)


def end_group(process):
    """Whatever the scenario started and did not end itself: its own session, nothing else."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def run_all(tasks, jobs):
    with concurrent.futures.ThreadPoolExecutor(max(jobs, 1)) as pool:
        for task in concurrent.futures.as_completed([pool.submit(*task) for task in tasks]):
            task.result()


def main():
    parser = argparse.ArgumentParser(description="Runs the tests.")
    parser.add_argument("--build", default="build/release", help="folder of the programs")
    parser.add_argument("--kind", default="all", choices=["all", "unit", "system", "quick"],
                        help="quick: units and the scenarios marked quick")
    parser.add_argument("--only", default="", help="tests whose name contains this")
    parser.add_argument("--jobs", type=int, default=5, help="scenarios side by side")
    options = parser.parse_args()
    build = (ROOT / options.build).resolve()
    report = Report()
    patience = 4 if build.name.endswith(("asan", "tsan")) else 1
    if options.kind != "system":
        run_all([(run_unit, group, program, build, report, options.only, patience)
                 for group, program in unit_programs(build, options.only)],
                min(options.jobs, os.cpu_count() or 1))
    if options.kind != "unit":
        found = scenarios(options.kind, options.only)
        for is_exclusive, jobs in ((False, options.jobs), (True, 1)):
            run_all([(run_scenario, scenario, build, report, patience) for scenario in found
                     if scenario.is_exclusive == is_exclusive], jobs)
    report.write_junit(ROOT / "build" / "test" / "junit.xml")
    failed, passed = report.failed(), report.passed()
    if not report.results:
        print(f"no test has {options.only!r} in its name")
    for result in failed:
        print(f"failed: {result.title}")
    print(f"{len(passed)} passed, {len(failed)} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
