"""Addresses of what we conclude."""

from __future__ import annotations

from django.urls import path

from .views import charts, evaluation, leaderboard, overview, pages, portraits, shared, snapshots, subscriptions

app_name = "reports"
urlpatterns = [
    path("", overview.overview, name="overview"),
    path("evaluations/<int:pk>/", evaluation.evaluation, name="evaluation"),
    path("charts/", charts.charts, name="charts"),
    path("charts/<slug:slug>/", charts.chart, name="chart"),
    path("models/<int:pk>/", portraits.model, name="model"),
    path("leaderboard/", leaderboard.leaderboard, name="leaderboard"),
    path("snapshots/", snapshots.snapshots, name="snapshots"),
    path("snapshots/new/", snapshots.new_snapshot, name="new_snapshot"),
    path("snapshots/add/", pages.add, name="add_part"),
    path("snapshots/<int:pk>/", snapshots.snapshot, name="snapshot"),
    path("snapshots/<int:pk>/words/", pages.words, name="words"),
    path("snapshots/<int:pk>/again/", snapshots.again, name="again"),
    path("snapshots/<int:pk>/changes/<int:other>/", snapshots.compared, name="changes"),
    path("snapshots/<int:pk>/transcripts/<int:part>/<int:row>/<int:number>/", snapshots.example, name="example"),
    path("snapshots/<int:pk>/publish/", snapshots.publish, name="publish"),
    path("snapshots/<int:pk>/retract/", snapshots.retract, name="retract"),
    path("snapshots/<int:pk>/discard/", snapshots.discard, name="discard"),
    path("snapshots/<int:pk>/links/", snapshots.new_link, name="new_link"),
    path("snapshots/<int:pk>/links/<int:link>/revoke/", snapshots.revoke, name="revoke"),
    path("subscriptions/", subscriptions.subscriptions, name="subscriptions"),
    path("subscriptions/new/", subscriptions.new_subscription, name="new_subscription"),
    path("subscriptions/<int:pk>/", subscriptions.subscription, name="subscription"),
    path("subscriptions/<int:pk>/delete/", subscriptions.delete, name="delete_subscription"),
    path("s/<str:token>/", shared.shared, name="shared"),
    path("s/<str:token>/transcripts/<int:part>/<int:row>/<int:number>/", shared.shared_example, name="shared_example"),
]
