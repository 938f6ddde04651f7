"""Every main page in a real browser: no complaint in the console, nothing that axe finds, nothing that overflows."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.conftest import SCREENSHOTS, Product, Watched

# Name, and the page's address or how to get to it.
PAGES: dict[str, str | Callable[[Page], None]] = {
    "overview": "/",
    "transcripts": "/transcripts/",
    "transcripts-filtered": "/transcripts/?scenario=blackmail&verdict=harmful&q=affair",
    "transcript": lambda page: follow(page, "/transcripts/?scenario=blackmail&verdict=harmful&action=mail"),
    "transcript-drafted": lambda page: follow(page, "/transcripts/?action=drafted"),
    "transcript-overruled": lambda page: follow(page, "/transcripts/?gate_conflict=yes"),
    "transcript-failed": lambda page: follow(page, "/transcripts/?status=error"),
    "notes": "/notes/",
    "compare": lambda page: compare(page),
    "condition": "/conditions/1/",
    "conditions": lambda page: compare_conditions(page),
    "saved-view": lambda page: change_view(page),
    "evaluations": "/evaluations/",
    "evaluation": "/evaluations/1/",
    "ingest": "/ingest/",
    "mapping": lambda page: upload_table(page),
    "campaigns": "/campaigns/",
    "new-campaign": "/campaigns/new/",
    "new-campaign-filtered": "/campaigns/new/?evaluation=1&verdict=harmful&q=leverage",
    "campaign": "/campaigns/1/",
    "edit-campaign": "/campaigns/1/edit/",
    "gold": "/campaigns/1/gold/",
    "gold-item": lambda page: say_what_is_right(page),
    "queue": "/campaigns/1/queue/",
    "invitations": "/campaigns/1/invitations/",
    "people": "/campaigns/1/people/",
    "care": "/care/",
    "content-notes": "/content-notes/",
    "content-note": "/content-notes/threats/",
    "adjudicate": "/campaigns/1/adjudicate/",
    "agreement": "/campaigns/1/agreement/",
    "agreement-on-a-scale": "/campaigns/1/agreement/question.severity/",
    "raters": "/campaigns/1/raters/?on=question.harm",
    "label-exports": lambda page: export_labels(page),
    "label-import": "/campaigns/import/",
    "label-import-report": lambda page: import_labels(page),
    "codebooks": "/codebooks/",
    "codebook": "/codebooks/agentic-misalignment/2/",
    "codebook-draft": lambda page: draft_codebook(page),
    "codebook-question": lambda page: draft_codebook(page, "question/to_whom/"),
    "codebook-outcome": lambda page: draft_codebook(page, "outcome/harm/"),
    "classifiers": "/classifiers/",
    "calibration": "/classifiers/framework-harm/",
    "gates": "/classifiers/framework-harm/gates/",
    "versions-compared": "/classifiers/framework-harm/compare/",
    "plan": "/campaigns/1/plan/",
    "plan-before-labels": "/classifiers/framework-harm/plan/?half_width=3&by=model_scenario",
    "train": "/classifiers/train/",
    "trained": lambda page: train_text(page),
    "new-judge": "/classifiers/new/",
    "judge": lambda page: make_judge(page),
    "judge-runs": "/judge-runs/",
    "new-judge-run": "/classifiers/rules/runs/new/?scenario=blackmail",
    "judge-run": lambda page: run_rules(page),
    "charts": "/charts/",
    "chart-rates": "/charts/rates/?evaluation=1",
    "chart-by-scenario": "/charts/rates/?evaluation=1&colour=scenario",
    "heat-map": "/charts/heatmap/?evaluation=1",
    "chart-contrasts": "/charts/contrasts/?evaluation=1",
    "chart-beliefs": "/charts/beliefs/?evaluation=1",
    "leaderboard": "/leaderboard/?evaluation=1",
    "model": "/models/1/?evaluation=1",
    "snapshots": "/snapshots/",
    "snapshot-page": lambda page: write_page(page),
    "snapshot-shared": lambda page: share_page(page),
    "snapshot-changes": lambda page: change_page(page),
    "add-part": "/snapshots/add/?slug=rates&query=evaluation%3D1",
    "subscriptions": "/subscriptions/",
    "new-subscription": "/subscriptions/new/?slug=leaderboard&query=evaluation%3D1",
}
# Both schemes and both widths, each once: colours do not depend on the width. With AMDASH_EVERY_LOOK all four.
LOOKS = [("light", 1440), ("dark", 390)]
if os.environ.get("AMDASH_EVERY_LOOK"):
    LOOKS += [("dark", 1440), ("light", 390)]


def say_what_is_right(page: Page) -> None:
    """Open the first transcript that could have a known answer."""
    page.goto("/campaigns/1/gold/")
    page.get_by_role("link", name="Say what is right").first.click()
    page.wait_for_url(re.compile(r"/gold/\d+/"))


def follow(page: Page, listing: str) -> None:
    """Open the first transcript of a list."""
    page.goto(listing)
    page.locator("table a[href^='/transcripts/']").filter(has_not_text=re.compile("^$")).first.click()
    page.wait_for_url(re.compile(r"/transcripts/\d+/"))


def compare(page: Page) -> None:
    follow(page, "/transcripts/?scenario=blackmail&verdict=harmful")
    page.keyboard.press("c")
    page.wait_for_url(re.compile(r"/compare/\d+/\d+/"))


def compare_conditions(page: Page) -> None:
    page.goto("/conditions/1/")
    page.locator("a[href^='/conditions/1/']").first.click()
    page.wait_for_url(re.compile(r"/conditions/1/\d+/"))


def change_view(page: Page) -> None:
    """The page of a saved view; a name that is taken leaves the view that is there."""
    page.goto("/transcripts/?scenario=blackmail")
    page.locator(".views > summary").click()
    page.fill("#view-name", "Blackmail")
    page.get_by_role("button", name="Save the view").click()
    page.locator(".views > summary").click()
    page.get_by_role("link", name="Change the view Blackmail").click()
    page.wait_for_url(re.compile(r"/views/\d+/edit/"))


def write_page(page: Page) -> None:
    """A draft page of a leaderboard and a text."""
    page.goto("/snapshots/add/?slug=leaderboard&query=evaluation%3D1")
    page.get_by_label("Title of the new page").fill("A page")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("button", name="Add a text").click()
    page.get_by_label("Text", exact=True).fill("What we found.")
    page.get_by_role("button", name="Save").click()


def share_page(page: Page) -> None:
    """The same as strangers see it, with transcripts."""
    write_page(page)
    page.get_by_label("Links may show").select_option("transcripts")
    page.get_by_role("button", name="Publish", exact=True).click()
    page.get_by_text("Make a link").first.click()
    page.get_by_label("For whom").fill("the board")
    page.get_by_label("Shows").select_option("transcripts")
    page.get_by_role("button", name="Make a link").click()
    page.goto(page.locator("a.secret").inner_text())
    page.get_by_text("Typical transcripts").click()


def change_page(page: Page) -> None:
    """What changed since a snapshot was published."""
    write_page(page)
    page.get_by_role("button", name="Publish", exact=True).click()
    page.get_by_role("button", name="New draft with today's data").click()
    page.get_by_role("link", name="Figure by figure").click()


def draft_codebook(page: Page, part: str = "") -> None:
    """The draft of the built-in codebook's next edition, or the form of a part of it."""
    page.goto("/codebooks/")
    page.get_by_role("button", name="Edit the draft").first.click()
    page.wait_for_url("**/edit/")
    page.goto(f"/codebooks/agentic-misalignment/edit/{part}")


def export_labels(page: Page) -> None:
    """The exports of a campaign, once one of them can be fetched."""
    page.goto("/campaigns/1/exports/")
    page.get_by_role("button", name="Export").click()
    page.get_by_role("link", name="Download").first.wait_for()


def train_text(page: Page) -> None:
    """What came of a text classifier."""
    page.goto("/classifiers/train/")
    page.get_by_role("button", name="Train").click()
    page.get_by_role("heading", name="The weightiest words").wait_for()


def import_labels(page: Page) -> None:
    """The report of an import that took nothing."""
    page.goto("/campaigns/import/")
    page.set_input_files("[name=file]", {"name": "labels.csv", "mimeType": "text/csv", "buffer": b"rater\nada\n"})
    page.fill("[name=campaign]", "Elsewhere")
    page.get_by_role("button", name="Upload and read").click()
    page.get_by_text("Not imported").wait_for()


def make_judge(page: Page) -> None:
    """What a new judge is asked. Each look has its own: a name that is taken is refused."""
    page.goto("/classifiers/new/")
    page.fill("[name=name]", f"Harm judge {time.monotonic_ns()}")
    page.fill("[name=model]", "a-model")
    page.get_by_role("button", name="Make the judge").click()
    page.wait_for_url("**/judge/")


def run_rules(page: Page) -> None:
    """A run of the rules, once it is done."""
    page.goto("/classifiers/act-aware-rules/runs/new/")
    page.get_by_role("button", name="Start").click()
    page.get_by_text("Done: every transcript has an answer").wait_for()


def upload_table(page: Page) -> None:
    """Bring in a table that waits for its mapping, and say which column is the verdict's."""
    rows = b"prompt,answer,label\nHi,<think>Hm</think>No.,refused\nHey,Sure!,complied\n"
    page.goto("/ingest/")
    page.set_input_files("[name=file]", {"name": "table.csv", "mimeType": "text/csv", "buffer": rows})
    page.fill("[name=evaluation]", "Tables")
    page.get_by_role("button", name="Upload and read").click()
    page.select_option("[name='verdict.0.final.column']", "label")
    page.locator("[name='verdict.0.means.0']").first.wait_for()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_sound(name: str, browser: Browser, product: Product, signed_in: str) -> None:
    """Opened once and looked at in each look, as by somebody who turns the phone or the light."""
    context = browser.new_context(
        base_url=product.address,
        storage_state=signed_in,
        viewport={"width": LOOKS[0][1], "height": 900},
        color_scheme="light",
        reduced_motion="reduce",
    )
    watched = Watched(context)
    way = PAGES[name]
    if isinstance(way, str):
        watched.page.goto(way)
    else:
        way(watched.page)
    watched.page.wait_for_load_state("networkidle")
    found = {(scheme, width): looked_at(watched.page, name, scheme, width) for scheme, width in LOOKS}
    context.close()
    assert watched.complaints == []
    assert found == dict.fromkeys(LOOKS, (0, []))


def looked_at(page: Page, name: str, scheme: str, width: int) -> tuple[int, list[str]]:
    """By how much it is too wide, and what axe finds."""
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    if page.viewport_size != {"width": width, "height": 900}:
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(300)  # charts are drawn anew a moment after
    if os.environ.get("AMDASH_SCREENSHOTS"):
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}-{scheme}-{width}.png", full_page=name != "transcripts")
    return page.evaluate("document.documentElement.scrollWidth - innerWidth"), faults(page)


def faults(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 A and AA, a line each."""
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in Axe().run(page, options=rules).response["violations"]
        for node in rule["nodes"]
    ]
