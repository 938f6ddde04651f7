from django.apps import AppConfig


class LabelingConfig(AppConfig):
    """Every judgement about a transcript by a person, and what it says about the classifiers."""

    name = "labeling"

    def ready(self) -> None:
        # Upstream pages filter by labels and show evidence without knowing this app. Models can be read only now.
        from labeling.known import STATES, counts, evidence, of_transcripts  # noqa: PLC0415
        from transcripts.listing import filters, labelled  # noqa: PLC0415
        from transcripts.page import references  # noqa: PLC0415

        filters.label_states.update(STATES)
        labelled.of_transcripts.append(of_transcripts)
        labelled.counts.append(counts)
        references.marks_of["evidence"] = evidence
