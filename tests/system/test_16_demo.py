"""`make demo`: a scene is played, and faults are injected live, while it runs."""

import json
import shutil
import signal
import sys
import urllib.request

import harness
import line
import shipped


class Demo(harness.Scenario):
    @harness.limit(60)
    def test_scene_and_live_faults(self):
        folder = self.dir / "demo"
        scene = self.dir / "scene"
        scene.write_text("P06 start=1s hidden\n")
        command = [sys.executable, harness.ROOT / "tests" / "demo.py", "--build", harness.BUILD,
                   "--folder", folder]
        broker_port, web_port = harness.reserve_port(), harness.reserve_port()
        demo = harness.Process(self, "demo", command, {
            "PYTHONUNBUFFERED": "1", "SCENE": str(scene), "LISTEN": "127.0.0.1",
            "BROKER_PORT": str(broker_port), "WEB_PORT": str(web_port),
            "PORT_OFFSET": str(shipped.Shipped().offset)})
        demo.wait_line("Ctrl-C ends the demo", 40)
        address = demo.wait_line(r"(http://\S+)\s+the page").group(1)
        with urllib.request.urlopen(address, timeout=5) as page:
            self.assertIn(b'src="/assets/main.js"', page.read())
        control = line.Control(folder / "simulator.sock")
        harness.wait_until(lambda: control.is_active("P06"), 10, "the scene's leak")
        watcher = self.subscriber(broker_port, topics=("formlab/curing/m4_oven/samples",))

        def speak(*words):
            done = harness.command(*words, "--control", control.path, program="formlab-simulator")
            self.assertEqual(done.returncode, 0, done.stderr)
            return json.loads(done.stdout)
        listed = [entry["id"] for entry in speak("list")["scenarios"]]
        told = harness.command("list", program="formlab-simulator").stdout.splitlines()
        self.assertEqual(listed, [words.split()[0] for words in told])
        fault = speak("inject", "D01")["id"]
        watcher.wait_for(lambda m: m.json["sensor_status"] == "open", 15)
        learner = control.ask("status", audience="learner")
        self.assertEqual([entry["scenario"] for entry in learner["active"]], ["D01"])
        self.assertEqual(speak("reveal")["changed"], 3)
        learner = control.ask("status", audience="learner")
        self.assertEqual({entry["scenario"] for entry in learner["active"]}, {"P06", "D01"})
        self.assertEqual(speak("hide", fault)["changed"], 2)
        self.assertEqual(speak("clear", fault)["cleared"], 2)
        watcher.wait_for(lambda m: m.json["sensor_status"] == "ok", 15, watcher.mark())
        demo.popen.send_signal(signal.SIGINT)
        self.assertEqual(demo.popen.wait(20), 0)
        self.assertFalse((folder / "simulator.sock").exists())
        shutil.rmtree(folder)
