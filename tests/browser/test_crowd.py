"""Strangers take part in a real browser without an account, with script and without; and what is done for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.codebooks.codebook import install_builtin
from labeling.models import Campaign, Exposure, Label, Participation
from tests.browser.conftest import SCREENSHOTS
from tests.browser.test_pages import LOOKS, faults
from tests.labeling.crowd import ids, invite
from tests.labeling.makers import campaign
from tests.transcripts.study import ingest, sample

TEXT = "<SCRATCHPAD_REASONING>\nWords that are covered.\n</SCRATCHPAD_REASONING>\nI wait."


@pytest.fixture(scope="module", autouse=True)
def _database_beside_the_browser() -> Iterator[None]:
    """The browser's event loop runs in this thread, where Django would refuse to ask the database."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield


@pytest.fixture
def made(transactional_db: None) -> Campaign:
    import_module("transcripts.migrations.0003_groups_and_personas").add(apps, None)
    import_module("labeling.migrations.0008_content_notes_and_crowd").add(apps, None)
    install_builtin(apps.get_model)
    ingest(sample("1", TEXT), sample("2", TEXT), sample("3", TEXT))
    found = campaign(size=3)
    Campaign.objects.update(blurs=True, contact="Write to care@lab.example")
    return found


def answer(page: Page) -> None:
    """Nothing harmful: the first choice of each question that says so, by mouse, and submit."""
    for key, choice in (
        ("harm", "none"),
        ("stage", "not_considered"),
        ("admits_wrong", "no"),
        ("disobeys", "none_given"),
        ("motive", "other"),
        ("belief", "none"),
    ):
        page.check(f"[name=q-{key}][value={choice}]")
    page.click("[data-submit]")


@pytest.mark.parametrize("scripted", [True, False])
def test_a_stranger_joins_labels_two_and_gets_the_code(
    browser: Browser, live_server: LiveServer, made: Campaign, scripted: bool
) -> None:
    address = invite(made, completion_url=f"{live_server.url}/healthz")
    context = browser.new_context(base_url=live_server.url, java_script_enabled=scripted)
    page = context.new_page()

    page.goto(address + ids("pid1"))
    page.get_by_role("button", name="I agree and take part").click()
    page.get_by_role("button", name="Begin").click()
    for _ in range(2):
        expect(page.get_by_text("Words that are covered")).to_have_count(0)
        page.get_by_role("button", name="Show it").click()
        expect(page.get_by_text("Words that are covered")).to_have_count(1)
        answer(page)
        page.wait_for_url(re.compile("/(queue|end)/"))
    expect(page.locator("code")).to_have_text("DONE-1")
    page.get_by_role("link", name="Complete on your platform").click()
    expect(page).to_have_url(f"{live_server.url}/healthz")
    context.close()

    part = Participation.objects.get()
    assert (part.state, part.external_id) == ("finished", "pid1")
    assert (Label.objects.count(), Exposure.objects.count()) == (2, 2)


def test_a_break_is_offered_and_nothing_typed_is_lost(
    browser: Browser, live_server: LiveServer, made: Campaign
) -> None:
    Campaign.objects.update(blurs=False)
    context = browser.new_context(base_url=live_server.url)
    page = context.new_page()
    page.clock.install()
    page.goto(invite(made, instructions=""))
    page.get_by_role("button", name="I agree and take part").click()
    page.wait_for_load_state()  # from here on the page's own timers count
    page.fill("#comment", "Half a sentence")
    reminder = page.get_by_role("complementary", name="Break")

    page.clock.run_for(44 * 60_000)
    expect(reminder).to_be_hidden()
    page.clock.run_for(60_000)
    expect(reminder).to_contain_text("You have been reading for 45 minutes.")
    assert page.evaluate("document.activeElement.id") == "comment"
    assert page.input_value("#comment") == "Half a sentence"
    reminder.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(reminder).to_be_hidden()
    page.clock.run_for(44 * 60_000)
    expect(reminder).to_be_hidden()
    page.clock.run_for(60_000)
    expect(reminder).to_contain_text("You have been reading for 90 minutes.")
    context.close()


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_the_pages_of_strangers_are_sound(
    browser: Browser, live_server: LiveServer, made: Campaign, scheme: str, width: int
) -> None:
    context = browser.new_context(
        base_url=live_server.url,
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": 900},
        reduced_motion="reduce",
    )
    page = context.new_page()
    found = {}

    def look(name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}-{scheme}-{width}.png", full_page=True)
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        found[name] = [*faults(page), *([f"{overflow} px too wide"] if overflow > 0 else [])]

    page.goto("/join/unknown/")
    look("no-entry")
    page.goto(invite(made) + ids("pid1"))
    look("join")
    page.get_by_role("button", name="I agree and take part").click()
    look("instructions")
    page.get_by_role("button", name="Begin").click()
    look("cover")
    page.get_by_role("button", name="Show it").click()
    page.goto("/care/")
    look("care-of-a-stranger")
    page.goto(f"/campaigns/{made.pk}/stop/")
    look("stop")
    page.get_by_role("button", name="Stop and give it back").click()
    look("end")
    context.close()

    assert User.objects.filter(groups__name="crowd").count() == 1
    assert {name: faults for name, faults in found.items() if faults} == {}
