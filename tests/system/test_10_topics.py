"""The shipped factory, seen by mosquitto's own client: every topic of the contract, no other."""

import re
import shutil

import harness
import schema
import shipped
import tired_disk
from audit_broker import ACK, Refuse


class Topics(harness.Scenario):
    def watch(self, port, *options, name="mosquitto_sub"):
        return harness.Process(self, name, [shutil.which("mosquitto_sub"), "-h", "127.0.0.1",
                                            "-p", port, "-t", "formlab/#", *options])

    @harness.quick
    @harness.limit(90)
    def test_a_foreign_client_sees_every_topic(self):
        broker, factory = self.broker(), shipped.Shipped()
        options = factory.options(self, broker.port)
        live = self.watch(broker.port, "-v")
        self.simulator(factory, *options[:2])
        self.gateway(factory, *options)
        machines = shipped.machines()
        self.assertGreaterEqual(len(machines), 3)
        for name, keys in machines.items():
            base = f"^formlab/{keys['area']}/{name}"
            live.wait_line(rf"{base}/status online$", 15)
            for leaf in ("info", "snapshot", "samples"):
                live.wait_line(rf"{base}/{leaf} \{{", 15)
            for tag in shipped.tags(keys["map"]):
                live.wait_line(rf"{base}/meta/{tag} \{{", 15)
                live.wait_line(rf"{base}/now/{tag} \{{", 25)
        live.wait_line(r"^formlab/_gateway/gw1/status online$")
        live.wait_line(r"^formlab/_gateway/gw1/info \{")
        live.wait_line(r"^formlab/_gateway/gw1/stats \{", 15)
        listed = self.listed(shipped.PATH, *options)
        seen = {line.split(" ", 1)[0] for line in live.lines}
        self.assertLessEqual(seen, listed, "topics that `topics` does not list")
        self.check_retained(broker.port, listed)
        for line in live.lines:
            topic, text = line.split(" ", 1)
            schema.check_message(topic, text,
                                 harness.exact_json(text) if text.startswith("{") else None)

    @harness.quick
    def test_every_event_of_a_bad_day_is_listed(self):
        """Unsent samples, a damaged journal, no machine, and a broker that refuses one sample."""
        template = tired_disk.Template(self)
        template.put()
        template.blank_sector()
        audit, refused = template.audit, []

        def refuse_one(publish):
            if refused or not publish.topic.endswith("/p1/samples"):
                return ACK
            refused.append(publish)
            return Refuse(0x99)
        audit.judge = refuse_one
        self.gateway(template.factory)

        def events():
            return {message.topic for message in list(audit.messages) if "/event/" in message.topic}

        def wait_events(*names):
            harness.wait_until(lambda: set(names) <= {topic.rsplit("/", 1)[-1] for topic in events()},
                               15, f"the events {', '.join(names)}")
        wait_events("damaged", "journal-damaged", "journal-salvaged", "rejected", "link-lost")
        self.simulator(template.factory, name="back")
        wait_events("link-back")
        self.assertEqual(events() - self.listed(template.factory.path), set(),
                         "events that `topics` does not list")

    def test_the_readme_names_the_events_that_are_listed(self):
        text = (harness.ROOT / "README.md").read_text(encoding="utf-8")
        part = text.split("## What is published", 1)[1].split("A sample is flat", 1)[0]
        of_gateway = part.split("and below", 1)[1].split("events", 1)[1]
        listed = {topic.rsplit("/", 1)[-1] for topic in self.listed(shipped.PATH)
                  if "/_gateway/gw1/event/" in topic}
        self.assertEqual(set(re.findall(r"`([a-z-]+)`", of_gateway)), listed)

    def listed(self, path, *options):
        done = harness.command("topics", path, *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return set(done.stdout.split())

    def check_retained(self, port, listed):
        """A client that comes later gets all but samples, events and stats-to-come at once."""
        wanted = {topic for topic in listed if not re.search(r"/(samples$|event/)", topic)}
        late = self.watch(port, "-F", "%r %t", name="mosquitto_sub-late")
        harness.wait_until(
            lambda: wanted <= {line[2:] for line in late.lines if line.startswith("1 ")}, 10,
            "every retained topic")
        flagged = {line[2:] for line in late.lines if line.startswith("1 ")}
        self.assertEqual(flagged, wanted)
