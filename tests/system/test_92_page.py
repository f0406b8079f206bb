"""The page: each of its pages in each language, usable by everybody, without a complaint."""

import browser
import harness


class Page(browser.PageScenario):
    @harness.limit(180)
    def test_each_page_in_each_language(self):
        self.check("words", "pure", "pages")

    @harness.limit(120)
    def test_pictures_for_the_readme(self):
        self.check("screens")
