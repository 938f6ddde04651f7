"""Addresses of what we conclude."""

from __future__ import annotations

from django.urls import path

from .views import charts, evaluation, leaderboard, overview, shared, snapshots

app_name = "reports"
urlpatterns = [
    path("", overview.overview, name="overview"),
    path("evaluations/<int:pk>/", evaluation.evaluation, name="evaluation"),
    path("charts/", charts.charts, name="charts"),
    path("charts/<slug:slug>/", charts.chart, name="chart"),
    path("leaderboard/", leaderboard.leaderboard, name="leaderboard"),
    path("snapshots/", snapshots.snapshots, name="snapshots"),
    path("snapshots/new/", snapshots.new_snapshot, name="new_snapshot"),
    path("snapshots/<int:pk>/", snapshots.snapshot, name="snapshot"),
    path("snapshots/<int:pk>/publish/", snapshots.publish, name="publish"),
    path("snapshots/<int:pk>/retract/", snapshots.retract, name="retract"),
    path("snapshots/<int:pk>/discard/", snapshots.discard, name="discard"),
    path("snapshots/<int:pk>/links/", snapshots.new_link, name="new_link"),
    path("snapshots/<int:pk>/links/<int:link>/revoke/", snapshots.revoke, name="revoke"),
    path("s/<str:token>/", shared.shared, name="shared"),
]
