from __future__ import annotations

from django.urls import path

from transcripts import views

app_name = "transcripts"

urlpatterns = [
    path("transcripts/", views.transcripts, name="transcripts"),
    path("transcripts/facets/", views.facets, name="facets"),
    path("transcripts/export/", views.export, name="export"),
    path("views/", views.save_view, name="save_view"),
    path("views/<int:pk>/", views.saved_view, name="saved_view"),
    path("views/<int:pk>/edit/", views.edit_view, name="edit_view"),
    path("transcripts/<int:pk>/", views.transcript, name="transcript"),
    path("transcripts/<int:pk>/previous/", views.step, {"back": True}, name="previous"),
    path("transcripts/<int:pk>/next/", views.step, {"back": False}, name="next"),
    path("transcripts/<int:pk>/raw/", views.raw, name="raw"),
    path("transcripts/<int:pk>/note/", views.write_note, name="write_note"),
    path("transcripts/<int:pk>/notes/", views.notes_at, name="notes_at"),
    path("notes/", views.notes, name="notes"),
    path("notes/<int:pk>/", views.edit_note, name="edit_note"),
    path("notes/<int:pk>/delete/", views.delete_note, name="delete_note"),
    path("compare/<int:pk>/", views.beside, name="beside"),
    path("compare/<int:first>/<int:second>/", views.compare, name="compare"),
    path("conditions/<int:pk>/", views.condition, name="condition"),
    path("conditions/<int:first>/<int:second>/", views.conditions, name="conditions"),
    path("evaluations/", views.evaluations, name="evaluations"),
    path("evaluations/<int:pk>/ingestions/", views.ingestions, name="ingestions"),
    path("ingest/", views.ingest, name="ingest"),
    path("ingest/<int:pk>/", views.ingestion, name="ingestion"),
    path("ingest/<int:pk>/mapping/", views.mapping, name="mapping"),
    path("ingest/<int:pk>/report.json", views.ingestion_report, name="ingestion_report"),
]
