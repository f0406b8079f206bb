"""The page is light, soon there, and no heavier after a day on the wall."""

import browser
import harness


class PageWeight(browser.PageScenario):
    @harness.exclusive
    @harness.limit(90)
    def test_light_now_and_after_a_day(self):
        self.check("weight")
