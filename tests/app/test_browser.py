"""The application in a headless Chromium, on stack dev's collections."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.app.conftest import serving

QUESTION = "/?q=something+to+keep+coffee+hot"
PHONE = {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True}


def titles(page, mode):
    return page.locator(f".column.{mode} h3").all_inner_texts()


def test_a_question_is_answered_by_words_meaning_and_both_side_by_side(browse):
    page = browse("/")
    page.get_by_role("searchbox").fill("something to keep coffee hot")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=something**")
    assert [heading.split()[0] for heading in page.locator("h2").all_inner_texts()] == ["Words", "Meaning", "Hybrid"]
    assert all("Insulated Travel Mug" in titles(page, mode)[0] for mode in ("words", "meaning", "hybrid"))
    assert page.locator(".words mark").first.inner_text() == "keeps"
    lefts = [page.locator(f".column.{mode}").bounding_box()["x"] for mode in ("words", "meaning", "hybrid")]
    assert lefts == sorted(set(lefts))
    assert page.locator("#figure-rows").inner_text() == page.locator("#figure-documents").inner_text() == "427"


def test_meaning_finds_what_words_do_not(browse, picture):
    page = browse("/?q=a+present+for+a+child")
    toys = {mode: page.locator(f".{mode} .facts", has_text="category toys").count() for mode in ("words", "meaning")}
    assert toys["meaning"] > toys["words"]
    picture(page, "search")


def test_a_choice_of_collection_or_list_searches_at_once(browse):
    page = browse(QUESTION)
    page.get_by_role("radio", name="Meaning").check()
    page.wait_for_url("**view=meaning**")
    assert (page.locator(".column").count(), len(titles(page, "meaning"))) == (1, 10)
    page.get_by_role("radio", name="documents").check()
    page.wait_for_url("**in=documents**")
    assert page.locator("#figure-documents").inner_text() == "3"


def test_filters_on_keywords_and_numbers_hold_in_every_list(browse, picture):
    page = browse(QUESTION, color_scheme="dark")
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("category").fill("kitchen")
    page.get_by_label("price to").fill("30")
    page.keyboard.press("Enter")
    page.wait_for_url("**max.price=30**")
    for mode in ("words", "meaning", "hybrid"):
        facts = page.locator(f".column.{mode} .facts").all_inner_texts()
        assert len(facts) > 5
        assert all("category kitchen" in each for each in facts)
        assert all(float(re.search(r"price ([\d.]+)", each)[1]) <= 30 for each in facts)
    picture(page, "filters-dark")
    page.get_by_role("link", name="Clear filters").click()
    assert "price" not in page.url


def test_of_a_long_text_the_best_passage_is_shown(browse):
    page = browse("/?q=descale+the+kettle&in=manuals&view=meaning")
    assert "Descale the kettle with vinegar" in page.locator("blockquote").first.inner_text()
    page = browse("/?q=descale+the+kettle&in=manuals&view=meaning&is.kind=garden")
    assert page.locator(".hit").evaluate_all("all => all.map(each => each.dataset.id)") == ["2"]


@pytest.fixture
def reader(world):
    """A database account that may only read."""
    world.sql("CREATE USER 'viewer'@'%' IDENTIFIED BY 'only-looks'")
    world.sql("GRANT SELECT ON shop.* TO 'viewer'@'%'")
    world.sql("GRANT EXECUTE ON dbms_etl.* TO 'viewer'@'%'")
    yield {"DATABASE_USER": "viewer", "DATABASE_PASSWORD": "only-looks"}
    world.sql("DROP USER 'viewer'@'%'")


def test_an_account_that_may_only_read_sees_the_figures_and_no_edit(browse, environment, reader):
    with serving({**environment, **reader}) as url:
        page = browse(QUESTION, url)
        assert page.locator("#figure-rows").inner_text() == "427"
        assert page.get_by_role("link", name="Edit the row").count() == 0


def test_without_a_database_account_a_search_works(browse, environment):
    told = {name: value for name, value in environment.items() if not name.startswith("DATABASE_")}
    with serving(told) as url:
        page = browse(QUESTION, url)
        assert len(titles(page, "hybrid")) == 10
        assert page.locator("dl dt").all_inner_texts() == ["Documents"]


def test_another_account_of_the_database_is_a_sentence_and_a_search_works(browse, environment):
    with serving({**environment, "DATABASE_PASSWORD": "wrong"}) as url:
        page = browse(QUESTION, url)
        assert page.get_by_role("alert").inner_text().startswith("PolarDB does not let polardb_user do that")
        assert len(titles(page, "hybrid")) == 10


def test_an_edited_row_is_found_again_with_the_seconds_it_took(browse, world):
    page = browse("/?q=security+camera&view=meaning")
    card = page.locator(".hit", has_text="Security Camera").first
    key = card.get_attribute("data-id")
    card.get_by_role("link", name="Edit the row").click()
    text = "A felt sleeve that keeps a teapot warm all evening <b>long</b>."
    page.get_by_label("description").fill(text)
    page.get_by_role("button", name="Save and find it again").click()
    assert re.match(r"Found again after \d+\.\d s", page.get_by_role("status").inner_text())
    assert "number 1" in page.get_by_role("status").inner_text()
    assert world.sql("SELECT description FROM shop.products WHERE id = %s", key) == [(text,)]
    page.get_by_role("link", name="Search for the new text").click()
    assert page.locator(f'.meaning [data-id="{key}"] .text').inner_text() == text


def test_a_row_that_nobody_changed_is_not_written(browse):
    page = browse("/edit/products/1")
    page.get_by_role("button", name="Save and find it again").click()
    assert page.get_by_role("status").inner_text() == "Nothing was changed: edit a text, then save."


def test_on_a_phone_the_lists_are_below_each_other_and_nothing_is_cut_off(browse, picture):
    page = browse(f"{QUESTION}&lang=zh", **PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    tops = [page.locator(f".column.{mode}").bounding_box()["y"] for mode in ("words", "meaning", "hybrid")]
    assert tops == sorted(set(tops))
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    picture(page, "phone")


def test_without_javascript_a_search_works(browse):
    page = browse("/", java_script_enabled=False)
    page.get_by_role("searchbox").fill("a present for a child")
    page.locator(".bar button").click()
    assert len(titles(page, "hybrid")) == 10


def test_the_keyboard_reaches_everything_in_order(browse):
    page = browse(QUESTION)
    reached = []
    for _ in range(9):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.name || document.activeElement.innerText"))
    assert reached == [
        "Skip to the results", "Semantic search", "English", "中文", "q", "Search", "in", "view", "Filters",
    ]  # fmt: skip


def test_every_control_has_a_name_for_a_screen_reader(browse):
    page = browse(f"{QUESTION}&max.price=30")
    unnamed = """[...document.querySelectorAll("input:not([type=hidden]), textarea, button, a")].filter(each =>
        !(each.labels && each.labels.length) && !each.getAttribute("aria-label") && !each.innerText.trim()
    ).map(each => each.outerHTML)"""
    assert page.evaluate(unnamed) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_their_background(browse, scheme):
    """WCAG's contrast of 4.5 to 1."""
    page = browse(f"{QUESTION}&max.price=30", color_scheme=scheme)
    assert page.evaluate(CONTRAST) == []


CONTRAST = """() => {
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const linear = v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = color => rgb(color).slice(0, 3).map(v => linear(v / 255))
    .reduce((sum, v, at) => sum + v * [.2126, .7152, .0722][at], 0);
  const behind = each => {
    const color = getComputedStyle(each).backgroundColor;
    return rgb(color)[3] !== 0 ? color : behind(each.parentElement);
  };
  return [...document.querySelectorAll("body *")].filter(each =>
    [...each.childNodes].some(node => node.nodeType === 3 && node.textContent.trim()) && each.offsetParent
  ).map(each => {
    const [one, other] = [light(getComputedStyle(each).color), light(behind(each))].sort((a, b) => b - a);
    return [each.className || each.tagName, (one + .05) / (other + .05)];
  }).filter(([, ratio]) => ratio < 4.5);
}"""


def test_a_form_of_another_site_changes_nothing(served, world):
    before = world.sql("SELECT description FROM shop.products WHERE id = 2")
    told = {"Origin": "http://evil.test"}
    assert httpx.post(f"{served}edit/products/2", data={"description": "x"}, headers=told).status_code == 403
    assert world.sql("SELECT description FROM shop.products WHERE id = 2") == before


def test_a_cluster_that_is_down_is_a_sentence(browse, environment):
    with serving({**environment, "SEARCH_URL": "http://127.0.0.1:1"}) as url:
        page = browse(QUESTION, url)
        said = page.get_by_role("alert").inner_text()
    assert said.startswith("PolarSearch does not answer at http://127.0.0.1:1 (")
    assert said.endswith("Start it or check SEARCH_URL, then load this page again.")


def test_a_browser_refuses_what_another_site_would_bring_in(browse, environment):
    page = browse(QUESTION)
    content = page.content()
    assert environment["SEARCH_PASSWORD"] not in content
    assert environment["DATABASE_PASSWORD"] not in content
    assert (
        page.evaluate("performance.getEntriesByType('resource').map(each => new URL(each.name).origin)")
        == [page.evaluate("location.origin")] * 2
    )
