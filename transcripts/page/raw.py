"""A transcript whole, as JSON: every text and every field that was kept, with its verdicts and its source."""

from __future__ import annotations

from typing import Any

from transcripts.models import Transcript


def as_json(transcript: Transcript) -> dict[str, Any]:
    cell, source, text = transcript.cell, transcript.source, transcript.text
    condition = cell.condition
    return {
        "id": transcript.pk,
        "evaluation": cell.evaluation.name,
        "synthetic": cell.evaluation.synthetic,
        "model": cell.model.recorded_id,
        "condition": {
            name: getattr(condition, name)
            for name in (
                "scenario",
                "goal_type",
                "goal_value",
                "urgency",
                "prod",
                "mitigation",
                "awareness",
                "free",
            )
        },
        "sample_key": transcript.sample_key,
        "status": transcript.status,
        "stop_reason": transcript.stop_reason,
        "error": transcript.error,
        "recorded_at": transcript.recorded_at.isoformat() if transcript.recorded_at else None,
        "source": {
            "path": source.path,
            "sha256": bytes(source.sha256).hex(),
            "size": source.size,
            "format": source.format,
        },
        "system": transcript.prompt.system,
        "user": transcript.prompt.user,
        "messages": text.messages,
        "reasoning": text.reasoning,
        "extra": text.extra,
        "verdicts": [
            {
                "classifier": verdict.version.classifier.slug,
                "version": verdict.version.version,
                "outcome": verdict.outcome,
                "final": verdict.final,
                "judge": verdict.judge,
                "gates": verdict.gates,
                "score": verdict.score,
                "explanation": verdict.explanation,
                "error": verdict.error,
                "recorded_at": verdict.recorded_at.isoformat() if verdict.recorded_at else None,
                "raw": verdict.raw,
            }
            for verdict in transcript.verdicts.select_related("version__classifier")
        ],
    }
