from .adjudication import adjudication, dispute
from .agreement import agreement, agreement_on, raters
from .answers import answers
from .campaigns import another, campaign, campaigns, exclude, participants, readmit, state, wave
from .care import care, content_note, content_notes, reveal
from .choosing import choose
from .classifiers import classifier, classifiers, compared, recalibrate
from .codebook_drafts import discard_draft, edit_codebook, publish_codebook, reorder_codebook, start_draft
from .codebook_parts import edit_guideline, edit_outcome, edit_question
from .codebooks import codebook, codebooks, new_codebook
from .comparing import versions_compared
from .crowd import end, instructions, join, stop
from .gates import classifier_gates
from .gold import feedback, gold, gold_item
from .invitations import end_part, invitations, payment, people, revoke
from .judging import cancel_judge_run, judge, judge_run, judge_runs, new_judge, new_judge_run, new_judge_version
from .launching import edit_campaign, new_campaign
from .planning import campaign_plan, classifier_plan
from .queue import assignment, draft, queue, renewal, skip
from .training import train, training
from .transfers import bring_in, export, exports, label_import

__all__ = [
    "classifier_gates",
    "cancel_judge_run",
    "judge",
    "judge_run",
    "judge_runs",
    "new_judge",
    "new_judge_run",
    "new_judge_version",
    "readmit",
    "gold_item",
    "gold",
    "feedback",
    "exclude",
    "edit_campaign",
    "another",
    "adjudication",
    "agreement",
    "agreement_on",
    "answers",
    "assignment",
    "bring_in",
    "campaign",
    "campaign_plan",
    "campaigns",
    "care",
    "choose",
    "classifier",
    "classifier_plan",
    "classifiers",
    "codebook",
    "codebooks",
    "compared",
    "content_note",
    "content_notes",
    "discard_draft",
    "dispute",
    "draft",
    "edit_codebook",
    "edit_guideline",
    "edit_outcome",
    "edit_question",
    "end",
    "end_part",
    "export",
    "exports",
    "instructions",
    "invitations",
    "join",
    "label_import",
    "new_campaign",
    "new_codebook",
    "participants",
    "payment",
    "people",
    "publish_codebook",
    "queue",
    "raters",
    "recalibrate",
    "renewal",
    "reorder_codebook",
    "reveal",
    "revoke",
    "skip",
    "start_draft",
    "state",
    "stop",
    "train",
    "training",
    "versions_compared",
    "wave",
]
