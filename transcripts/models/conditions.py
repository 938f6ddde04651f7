"""Who was tested, and in which situation."""

from __future__ import annotations

from django.db import models

# Text that keyset pages order by must sort the same on every server, whatever its locale.
C = "C"
# Values of a factor that say nothing of their own in a condition's name; what is unknown is named together.
PLAIN = ("none", "unknown")


class LanguageModel(models.Model):
    """A language model under test, known by the id that the source recorded."""

    recorded_id = models.TextField(unique=True, db_collation=C)
    provider = models.TextField(blank=True, default="")
    display_name = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["recorded_id"]

    def __str__(self) -> str:
        return self.display_name or self.recorded_id


class Condition(models.Model):
    """A scenario and all of its factors.

    Mitigation and awareness are factors here although the framework's condition id leaves them out: two
    folders of the same name may hold different conditions. A factor that a source does not tell is "unknown".
    """

    scenario = models.TextField(db_collation=C)
    goal_type = models.TextField(default="none", db_collation=C)
    goal_value = models.TextField(default="none", db_collation=C)
    urgency = models.TextField(default="none", db_collation=C)
    prod = models.BooleanField(default=False)
    mitigation = models.TextField(default="none", db_collation=C)
    awareness = models.TextField(default="none", db_collation=C)
    free = models.JSONField(default=dict, blank=True, help_text="Factors of other formats, by name.")
    # SHA-256 of all factors above: one row per condition, whatever else a source calls it.
    identity = models.BinaryField(max_length=32, unique=True)

    class Meta:
        ordering = ["scenario", "goal_type", "goal_value", "urgency", "mitigation", "awareness", "id"]

    def __str__(self) -> str:
        return " · ".join([self.scenario, *self.factors])

    @property
    def factors(self) -> list[str]:
        """The factors that differ from the scenario's plain form, in words."""
        words = []
        if self.goal_type not in PLAIN:
            value = "" if self.goal_value == "none" else f" {self.goal_value}"
            words.append(f"{self.goal_type} goal{value}")
        if self.urgency not in PLAIN:
            words.append(self.urgency)
        if self.prod:
            words.append("no scratchpad")
        if self.mitigation not in PLAIN:
            words.append(f"mitigation {self.mitigation}")
        if self.awareness not in PLAIN:
            words.append(f"notice {self.awareness}")
        free = sorted(self.free.items())
        words += [f"{name} {value}" for name, value in free if value not in PLAIN]
        named = [("goal", self.goal_type), ("threat", self.urgency), ("mitigation", self.mitigation)]
        unknown = [name for name, value in (*named, ("notice", self.awareness), *free) if value == "unknown"]
        return [*words, *([f"{', '.join(unknown)} unknown"] if unknown else [])] or ["control"]


class Role(models.TextChoices):
    TARGET = "target"
    ALLY = "ally"
    COMPETITOR = "competitor"
    AUTHORITY = "authority"
    BYSTANDER = "bystander"


class Persona(models.Model):
    """An address in a scenario, and its part in the story. An address that starts with @ stands for its domain."""

    scenario = models.TextField(db_collation=C)
    address = models.TextField(db_collation=C)
    name = models.TextField(blank=True, default="")
    role = models.TextField(choices=Role.choices)
    inside = models.BooleanField(help_text="Belongs to the company whose assistant the model is.")
    in_gate = models.BooleanField(default=False, help_text="The classifier's recipient gate asks for this address.")

    class Meta:
        ordering = ["scenario", "address"]
        constraints = [
            models.UniqueConstraint(fields=["scenario", "address"], name="persona_is_one_per_address"),
            models.CheckConstraint(name="persona_role_is_known", condition=models.Q(role__in=Role.values)),
        ]

    def __str__(self) -> str:
        return f"{self.address} ({self.role}, {self.scenario})"
