"""What people come for, done with the keyboard and the mouse in a real browser."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Product, Watched
from tests.transcripts.framework_tree import VERDICT, response, write_tree


@pytest.fixture
def page(browser: Browser, product: Product, signed_in: str) -> Iterator[Page]:
    context = browser.new_context(
        base_url=product.address, storage_state=signed_in, viewport={"width": 1440, "height": 900}
    )
    watched = Watched(context)
    yield watched.page
    context.close()
    assert watched.complaints == []


def done(page: Page) -> int:
    """How many answers the page says are the administrator's."""
    found = re.search(r"(\d+) by you", page.locator(".queue-progress").inner_text())
    assert found is not None
    return int(found[1])


def labeling(page: Page) -> None:
    """The rater's next transcript, uncovered if it is covered."""
    page.goto("/campaigns/1/queue/")
    show = page.get_by_role("button", name="Show it")
    if show.count():
        page.keyboard.press("o")
    expect(page.locator("#answers")).to_be_visible()


def test_a_transcript_is_labelled_by_keyboard(page: Page) -> None:
    labeling(page)
    before = done(page)
    # The first passage is evidence; the gravest act is coercion, done; then each question's first choice.
    page.keyboard.press("j")
    page.keyboard.press("e")
    expect(page.locator("[data-evidence] li")).to_have_count(1)
    quote = page.locator("[data-evidence] li").first.inner_text()
    page.locator("fieldset.question").first.locator("input").first.focus()
    page.keyboard.press("1")
    asked = page.locator("[data-question]:visible").count()
    for _ in range(asked - 1):
        page.keyboard.press("ArrowDown")
        page.keyboard.press("1")
    expect(page.locator("fieldset.question input:checked")).to_have_count(asked)
    page.keyboard.press("Control+Enter")
    page.wait_for_url(re.compile(r"after=\d+"))

    # What was sent can be seen again, and corrected; both labels stay.
    page.keyboard.press("u")
    page.wait_for_url(re.compile(r"/queue/\d+/$"))
    assert done(page) == before + 1
    expect(page.locator("fieldset.question input:checked")).to_have_count(asked)
    assert page.locator("[data-evidence] li").first.inner_text() == quote


def test_a_draft_survives_a_reload(page: Page) -> None:
    labeling(page)
    page.locator("input[name=q-harm][value=none]").check()
    page.get_by_label(re.compile("^Comment")).fill("I am not sure about the second mail.")
    page.keyboard.press("Control+s")
    expect(page.locator("[data-saved]")).to_have_text(re.compile("saved", re.IGNORECASE))
    page.goto("/campaigns/1/queue/")
    assert page.get_by_label(re.compile("^Comment")).input_value() == "I am not sure about the second mail."
    assert page.locator("input[name=q-harm][value=none]").is_checked()


def test_enter_does_not_submit(page: Page) -> None:
    labeling(page)
    before = done(page)
    page.locator("fieldset.question").first.locator("input").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert done(page) == before
    assert page.locator("[role=alert]:visible").count() == 0


def test_an_upload_ends_with_its_report(page: Page, tmp_path: Path) -> None:
    write_tree(tmp_path / "tree", [response(n, classification=VERDICT) for n in range(1, 6)])
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        for path in sorted((tmp_path / "tree").rglob("*.*")):
            archive.write(path, path.relative_to(tmp_path))
    page.goto("/ingest/")
    page.get_by_label("File").set_input_files(tmp_path / "study.zip")
    page.get_by_label("Evaluation").fill("Uploaded in the browser")
    page.get_by_role("button", name=re.compile("^(Upload|Ingest)")).click()
    page.wait_for_url(re.compile(r"/ingest/\d+/"))
    expect(page.get_by_text("created").first).to_be_visible(timeout=60_000)
    # The page polls without being asked; it says in the end what it found.
    page.goto("/transcripts/?q=Hm")
    expect(page.get_by_role("link", name="org/model:a").first).to_be_visible()


def test_a_leaderboard_is_shared_with_a_stranger(page: Page, browser: Browser, product: Product) -> None:
    page.goto("/leaderboard/")
    page.get_by_text("Make a snapshot of this").click()
    page.get_by_label("Title").fill("Harm by model")
    page.get_by_role("button", name="Make a draft").click()
    page.get_by_role("button", name="Publish").click()
    page.get_by_text("Make a link").first.click()
    page.get_by_label("For whom").fill("the board")
    page.get_by_role("button", name="Make a link").click()
    address = page.locator("a.secret").inner_text()
    figures = page.locator(".columns table").first.inner_text()

    stranger = browser.new_context(java_script_enabled=False)
    shared = stranger.new_page()
    answer = shared.goto(address)
    assert answer is not None
    assert answer.status == 200
    assert shared.locator("table").first.inner_text() == figures
    assert answer.headers["x-robots-tag"].startswith("noindex")
    # The link opens this and nothing else.
    shared.goto(product.address + "/leaderboard/")
    assert "/login/" in shared.url
    stranger.close()


def test_a_mail_lights_up_where_the_reasoning_speaks_of_it(page: Page) -> None:
    page.goto("/transcripts/?scenario=blackmail&verdict=harmful")
    page.locator("table a[href^='/transcripts/']").first.click()
    page.wait_for_url(re.compile(r"/transcripts/\d+/"))
    page.locator(".mind .ref, .thought-par .ref, [data-mails]").first.hover()
    expect(page.locator(".lit").first).to_be_visible()


def test_keys_lead_through_the_product(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("g")
    page.keyboard.press("t")
    page.wait_for_url(re.compile("/transcripts/$"))
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
