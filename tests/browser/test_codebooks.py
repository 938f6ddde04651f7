"""A small codebook is built and published in a real browser, by keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import pytest
from django.apps import apps
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.codebooks.codebook import described
from labeling.codebooks.edition import Asked, Counted, Edition, Option
from labeling.models import CodebookVersion
from tests.labeling.makers import client_of, person

BUILT = Edition(
    "Read *all*.",
    (
        Asked(
            "harm",
            "Harm?",
            options=(
                Option("no", "No"),
                Option("yes", "Yes", needs_evidence=True),
                Option("unsure", "Unsure", is_missing=True),
            ),
        ),
        Asked("why", "Why?", kind="text"),
    ),
    (Counted("any_harm", "any harm", "", "harm", (("", "yes"),)),),
)


@pytest.fixture(scope="module", autouse=True)
def _database_beside_the_browser() -> Iterator[None]:
    """The browser's event loop runs in this thread, where Django would refuse to ask the database."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield


@pytest.fixture
def page(browser: Browser, live_server: LiveServer, transactional_db: None) -> Iterator[Page]:
    import_module("transcripts.migrations.0003_groups_and_personas").add(apps, None)
    client: Client = client_of(person("rita", "researcher"))
    context = browser.new_context(base_url=live_server.url, viewport={"width": 1440, "height": 900})
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert complaints == []


def to(page: Page, selector: str) -> None:
    """Tab until the element has the focus, as somebody without a mouse would."""
    for _ in range(80):
        if page.evaluate("selector => document.activeElement?.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"the Tab key never reached {selector}")


def write(page: Page, selector: str, words: str) -> None:
    to(page, selector)
    page.keyboard.type(words)


def part(page: Page, key: str, route: str) -> None:
    """From the draft to the form of a part, by its key."""
    page.keyboard.press(key)
    page.wait_for_url(f"**/edit/{route}/")


def save(page: Page) -> None:
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/edit/")


def test_a_codebook_is_built_and_published_by_keyboard(page: Page) -> None:
    page.goto("/codebooks/")
    page.keyboard.press("n")
    page.wait_for_url("**/codebooks/new/")
    write(page, "#id_name", "Small")
    page.keyboard.press("Enter")
    page.wait_for_url("**/codebooks/small/edit/")

    part(page, "t", "guideline")
    write(page, "#id_guideline", "Read *all*.")
    save(page)

    part(page, "n", "question")
    write(page, "#id_text", "Why?")
    to(page, "#id_kind")
    page.keyboard.type("text")
    save(page)

    part(page, "n", "question")
    write(page, "#id_text", "Harm?")
    for row, words in enumerate(("Yes", "No", "Unsure")):
        write(page, f"#id_choice-{row}-text", words)
    to(page, "#id_choice-2-is_missing")
    page.keyboard.press("Space")
    page.locator("#id_choice-0-text").focus()
    to(page, "#id_choice-0-needs_evidence")
    page.keyboard.press("Space")
    to(page, "#down-0")
    page.keyboard.press("Enter")
    expect(page.locator("#id_choice-1-text")).to_have_value("Yes")
    expect(page.locator("#down-1")).to_be_focused()
    save(page)

    page.keyboard.press("j")
    page.keyboard.press("j")
    to(page, "#up-question-harm")
    page.keyboard.press("Enter")
    expect(page.locator(".part-link").first).to_have_text("1. Harm?")

    part(page, "o", "outcome")
    write(page, "#id_name", "any harm")
    to(page, "[name=row-0-choices][value=yes]")
    page.keyboard.press("Space")
    save(page)

    to(page, "#publish button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/codebooks/small/1/")
    version = CodebookVersion.objects.get(codebook__slug="small")
    assert (described(version), version.published_at is not None) == (BUILT, True)
