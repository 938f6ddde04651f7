from .compare import beside, compare, condition, conditions
from .evaluations import evaluations
from .export import export
from .ingest import ingest
from .ingestions import ingestion, ingestion_report, ingestions
from .mapping import mapping
from .neighbours import step
from .notes import delete_note, edit_note, notes, notes_at, write_note
from .saved_views import edit_view, save_view, saved_view
from .transcript import raw, transcript
from .transcripts import facets, transcripts

__all__ = [
    "beside",
    "compare",
    "condition",
    "conditions",
    "delete_note",
    "edit_note",
    "edit_view",
    "evaluations",
    "export",
    "facets",
    "ingest",
    "ingestion",
    "ingestion_report",
    "ingestions",
    "mapping",
    "notes",
    "notes_at",
    "raw",
    "save_view",
    "saved_view",
    "step",
    "transcript",
    "transcripts",
    "write_note",
]
