"""The parts of a codebook's draft, one form each: its guideline, a question, an outcome.

Whatever is saved says what it was made for; where somebody else changed that in the meantime, nothing is lost of
either: the page shows what stands there now beside what was typed.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from labeling.access import managed_codebook
from labeling.codebooks.codebook import described
from labeling.codebooks.codebook_forms import (
    ROWS_MORE,
    ChoiceSet,
    GuidelineForm,
    OutcomeForm,
    QuestionForm,
    ScenarioSet,
)
from labeling.codebooks.edition import (
    Asked,
    Counted,
    Edition,
    stamp,
    with_guideline,
    with_outcome,
    with_question,
    without,
)
from labeling.codebooks.publish import NotNow, Stale, change, draft_of
from labeling.models import Codebook
from transcripts.models import Condition

from .codebooks import shown_outcomes, shown_questions

CHANGED = "Somebody changed this in the meantime. What stands there now is shown below; saving again replaces it."
REMOVED = "Somebody removed this in the meantime. Saving again puts it back, at the end."
TAKEN = "Somebody used the key {} in the meantime: choose another one."
EDIT = ["GET", "HEAD", "POST"]


@never_cache
@require_http_methods(EDIT)
def edit_guideline(request: HttpRequest, slug: str) -> HttpResponse:
    codebook, edition = _drafted(request, slug)
    opened = {"guideline": edition.guideline, "based_on": stamp(edition.guideline)}
    form = GuidelineForm(request.POST or None, initial=opened)
    stale = ""
    if request.method == "POST" and form.is_valid():
        words = form.cleaned_data["guideline"].replace("\r\n", "\n")

        def put(now: Edition) -> Edition:
            if form.cleaned_data["based_on"] != stamp(now.guideline):
                raise Stale(CHANGED)
            return with_guideline(now, words)

        try:
            change(codebook, put)
            return redirect("labeling:edit_codebook", slug)
        except NotNow as problem:
            stale = str(problem)
            edition = _now(codebook)
            form = GuidelineForm(initial={"guideline": words, "based_on": stamp(edition.guideline)})
    context = {"codebook": codebook, "form": form, "stale": stale, "edition": edition}
    return render(request, "labeling/edit_guideline.html", context, status=_status(stale, form))


@never_cache
@require_http_methods(EDIT)
def edit_question(request: HttpRequest, slug: str, key: str = "") -> HttpResponse:
    """One question with its choices. Buttons that add or move choices change the page only, until it is saved."""
    codebook, edition = _drafted(request, slug)
    was = request.POST.get("was", "") if request.method == "POST" else key
    question = edition.question(was)
    if request.method != "POST":
        if key and question is None:
            raise Http404
        return _show_question(request, codebook, edition, question)
    form = QuestionForm(edition, question, request.POST)
    rows = ChoiceSet(request.POST, prefix="choice")
    do = request.POST.get("do", "save")
    if do == "remove":
        return _remove(request, codebook, "question", was)
    if do != "save":
        return _show_question(request, codebook, edition, question, _unbound_question(form), rows, do=do)
    stale = ""
    if form.is_valid() and rows.is_valid():

        def put(now: Edition) -> Edition:
            asked = form.asked(rows.options())
            _unchanged(now.question(was), was, form.cleaned_data["based_on"])
            if asked.key != was and now.question(asked.key):
                raise Stale(TAKEN.format(asked.key))
            return with_question(now, asked, was, rows.renamed())

        try:
            change(codebook, put)
            return redirect("labeling:edit_codebook", slug)
        except NotNow as problem:
            stale = str(problem)
            edition = _now(codebook)
            question = edition.question(was)
            form = _unbound_question(form, edition, question)
    return _show_question(request, codebook, edition, question, form, rows, stale=stale)


def _show_question(
    request: HttpRequest,
    codebook: Codebook,
    edition: Edition,
    question: Asked | None,
    form: QuestionForm | None = None,
    rows: Any = None,
    *,
    do: str = "",
    stale: str = "",
) -> HttpResponse:
    if form is None:
        form = QuestionForm(edition, question, initial=_opened_question(question))
        filled = [vars(option) | {"was": option.key} for option in question.options] if question else []
        rows = ChoiceSet(initial=[*filled, *[{}] * ROWS_MORE], prefix="choice")
    focus, focus_row = "", -1
    if do or stale:
        raw = [{name: row[name].value() for name in row.fields} for row in rows.forms]
        raw, focus, focus_row = _rearranged(raw, do)
        rows = ChoiceSet(initial=raw, prefix="choice")
        if focus == "text" and rows.forms:
            rows.forms[focus_row].fields["text"].widget.attrs["autofocus"] = True
    context = {
        "codebook": codebook,
        "question": question,
        "form": form,
        "rows": rows,
        "focus": focus,
        "focus_row": focus_row,
        "stale": stale,
        "shown": next((one for one in shown_questions(edition) if one.asked is question), None),
    }
    status = _status(stale, form) if not rows.is_bound or rows.is_valid() else 422
    return render(request, "labeling/edit_question.html", context, status=status)


def _opened_question(question: Asked | None) -> dict[str, Any]:
    if question is None:
        return {}
    fields = {name: getattr(question, name) for name in ("key", "text", "help", "kind", "unit", "required")}
    waits = [":".join(pair) for pair in question.asked_after]
    return fields | {"was": question.key, "based_on": stamp(question), "asked_after": waits}


def _unbound_question(
    form: QuestionForm, edition: Edition | None = None, question: Asked | None = None
) -> QuestionForm:
    """What was typed, to be shown again unchecked; with an edition, based on how that one stands."""
    typed = {name: form[name].value() for name in form.fields}
    if edition is None:
        return QuestionForm(form.edition, form.question, initial=typed)
    typed |= {"was": question.key if question else "", "based_on": stamp(question)}
    return QuestionForm(edition, question, initial=typed)


def _rearranged(rows: list[dict[str, Any]], do: str) -> tuple[list[dict[str, Any]], str, int]:
    """The rows after a button: more of them, or one moved or gone; and what has the focus next, in which row."""
    if do == "more":
        return [*rows, *[{} for _ in range(ROWS_MORE)]], "text", len(rows)
    way, _, place = do.partition("-")
    at = int(place) if place.isascii() and place.isdigit() and len(place) < 4 else -1
    if not 0 <= at < len(rows):
        return rows, "", -1
    if way == "drop":
        return [*rows[:at], *rows[at + 1 :]], "text", max(at - 1, 0)
    to = min(max(at + {"up": -1, "down": 1}.get(way, 0), 0), len(rows) - 1)
    rows = list(rows)
    rows[at], rows[to] = rows[to], rows[at]
    # The button of an end is disabled there.
    return rows, "down" if to == 0 else "up" if to == len(rows) - 1 else way, to


@never_cache
@require_http_methods(EDIT)
def edit_outcome(request: HttpRequest, slug: str, key: str = "") -> HttpResponse:
    """One outcome: the question that it rests on, and that question's positive choices per scenario."""
    codebook, edition = _drafted(request, slug)
    was = request.POST.get("was", "") if request.method == "POST" else key
    outcome = edition.outcome(was)
    if request.method != "POST":
        if key and outcome is None:
            raise Http404
        return _show_outcome(request, codebook, edition, outcome)
    form = OutcomeForm(edition, outcome, request.POST)
    do = request.POST.get("do", "save")
    if do == "remove":
        return _remove(request, codebook, "outcome", was)
    rows = ScenarioSet(request.POST, prefix="row", form_kwargs={"options": form.options()})
    if do != "save":
        return _show_outcome(request, codebook, edition, outcome, _unbound_outcome(form), rows, do=do)
    stale = ""
    if form.is_valid() and rows.is_valid():

        def put(now: Edition) -> Edition:
            data = form.cleaned_data
            _unchanged(now.outcome(was), was, data["based_on"])
            if data["key"] != was and now.outcome(data["key"]):
                raise Stale(TAKEN.format(data["key"]))
            if now.question(data["question"]) is None:
                raise Stale("Somebody removed or renamed the question in the meantime: choose again.")
            made = Counted(data["key"], data["name"], data["description"], data["question"], rows.positives())
            return with_outcome(now, made, was)

        try:
            change(codebook, put)
            return redirect("labeling:edit_codebook", slug)
        except NotNow as problem:
            stale = str(problem)
            edition = _now(codebook)
            outcome = edition.outcome(was)
            form = _unbound_outcome(form, edition, outcome)
    return _show_outcome(request, codebook, edition, outcome, form, rows, stale=stale)


def _show_outcome(
    request: HttpRequest,
    codebook: Codebook,
    edition: Edition,
    outcome: Counted | None,
    form: OutcomeForm | None = None,
    rows: Any = None,
    *,
    do: str = "",
    stale: str = "",
) -> HttpResponse:
    if form is None:
        opened = vars(outcome) | {"was": outcome.key, "based_on": stamp(outcome)} if outcome else {}
        form = OutcomeForm(edition, outcome, initial=opened)
        by_scenario = outcome.by_scenario if outcome else {}
        filled = [{"scenario": name, "choices": keys} for name, keys in by_scenario.items() if name]
        raw: list[dict[str, Any]] = [{"scenario": "", "choices": by_scenario.get("", [])}, *filled, {}]
    elif do or stale:
        raw = [{name: row[name].value() for name in row.fields} for row in rows.forms] + [{}] * (do == "more")
    else:
        raw = []
    if raw:
        rows = ScenarioSet(initial=raw, prefix="row", form_kwargs={"options": form.options()})
    if do == "more":
        rows.forms[-1].fields["scenario"].widget.attrs["autofocus"] = True
    context = {
        "codebook": codebook,
        "outcome": outcome,
        "form": form,
        "rows": rows,
        "stale": stale,
        "scenarios": Condition.objects.values_list("scenario", flat=True).distinct().order_by("scenario"),
        "shown": next((one for one in shown_outcomes(edition) if one.counted is outcome), None),
    }
    status = _status(stale, form) if not rows.is_bound or rows.is_valid() else 422
    return render(request, "labeling/edit_outcome.html", context, status=status)


def _unbound_outcome(form: OutcomeForm, edition: Edition | None = None, outcome: Counted | None = None) -> OutcomeForm:
    typed = {name: form[name].value() for name in form.fields}
    if edition is None:
        return OutcomeForm(form.edition, form.outcome, initial=typed)
    typed |= {"was": outcome.key if outcome else "", "based_on": stamp(outcome)}
    return OutcomeForm(edition, outcome, initial=typed)


def _drafted(request: HttpRequest, slug: str) -> tuple[Codebook, Edition]:
    codebook = managed_codebook(request.user, slug)
    return codebook, _now(codebook)


def _now(codebook: Codebook) -> Edition:
    """The draft as it is; where it was published in the meantime, that edition: saving says that it is one."""
    version = draft_of(codebook) or codebook.versions.first()
    return described(version) if version else Edition()


def _unchanged(part: Asked | Counted | None, was: str, based_on: str) -> None:
    """Raises Stale where the part is not what it was when its form was opened."""
    if stamp(part) != based_on:
        raise Stale(CHANGED if part else REMOVED)


def _remove(request: HttpRequest, codebook: Codebook, part: str, key: str) -> HttpResponse:
    based_on = request.POST.get("based_on", "")

    def put(now: Edition) -> Edition:
        found = now.question(key) if part == "question" else now.outcome(key)
        if found is not None and stamp(found) != based_on:
            raise Stale(f"Somebody changed this {part} since you opened it: it is still there.")
        resting = [outcome.name for outcome in now.outcomes if part == "question" and outcome.question == key]
        if resting:
            raise NotNow(f"An outcome rests on this question: {', '.join(resting)}. Change or remove that first.")
        return without(now, part, key)

    try:
        change(codebook, put)
    except NotNow as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, f"The {part} is removed.")
    return redirect("labeling:edit_codebook", codebook.slug)


def _status(stale: str, form: forms.Form) -> int:
    return 409 if stale else 422 if form.is_bound and not form.is_valid() else 200
