"""The page while a broker is away, a PLC dies and the Lab lets a fault loose."""

import browser
import harness


class PageLive(browser.PageScenario):
    @harness.limit(120)
    def test_what_happens_is_seen(self):
        self.check("live")
