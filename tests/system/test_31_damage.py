"""A tired disk: bits that fall over, logs that end early. Nothing wrong leaves, and what is lost is
said. (`make torture ONLY=damage`: 300 bits and 100 cuts.)"""

import tired_disk
import harness

FLIPS, CUTS = (4, 2) if harness.IS_SANITIZED else (8, 4)


class Damage(harness.Scenario):
    @harness.limit(90)
    def test_fallen_bits_and_cut_logs_are_outlived_and_told(self):
        template = tired_disk.Template(self)
        self.assertGreater(len(template.rows), 100)
        hurts = ([lambda t: t.flip("", self.random)] * FLIPS +
                 [lambda t: t.flip("-wal", self.random)] * (CUTS // 2) +
                 [lambda t: t.cut(self.random)] * (CUTS - CUTS // 2))
        for number, hurt in enumerate(hurts):
            outcome = tired_disk.play(template, f"gateway{number}", hurt)
            self.assertEqual(tired_disk.complaints(outcome), [])

    @harness.quick
    def test_what_is_unsent_in_a_damaged_journal_is_published_before_what_is_new(self):
        template = tired_disk.Template(self)
        outcome = tired_disk.play(template, "gateway", tired_disk.Template.blank_sector)
        self.assertEqual(tired_disk.complaints(outcome), [])
        self.assertTrue(list(self.dir.glob("journal.db.damaged-*")), "nothing was set aside")
        leaves = [message.topic.rsplit("/", 1)[-1] for message in template.audit.messages]
        for event in ("journal-damaged", "damaged", "journal-salvaged"):
            self.assertIn(event, leaves)
        self.assertGreater(outcome.lost(), 0)
        self.assertLess(outcome.lost(), len(template.rows) / 4)


if __name__ == "__main__":
    harness.unittest.main()
