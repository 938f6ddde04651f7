"""Says anew who is who in a scenario, also in what was ingested before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from django.db import connection, transaction

from transcripts.models import Persona
from transcripts.parsing import personas

# As `personas.Cast` does it for one transcript: the address first, then its domain; what is unknown is outside.
RESOLVE = """
UPDATE transcripts_action a SET roles = said.roles, outside = said.outside
FROM (
    SELECT b.id,
           array_agg(coalesce(p.role, d.role, '') ORDER BY r.ordinal) AS roles,
           bool_or(NOT coalesce(p.inside, d.inside, false)) AS outside
    FROM transcripts_condition c
    JOIN transcripts_cell l ON l.condition_id = c.id
    JOIN transcripts_transcript t ON t.cell_id = l.id
    JOIN transcripts_action b ON b.transcript_id = t.id
    CROSS JOIN unnest(b.recipients) WITH ORDINALITY AS r (address, ordinal)
    LEFT JOIN transcripts_persona p ON p.scenario = c.scenario AND p.address = r.address
    LEFT JOIN transcripts_persona d ON d.scenario = c.scenario AND d.address = regexp_replace(r.address, '^.*@', '@')
    WHERE c.scenario = ANY(%s)
    GROUP BY b.id
) said
WHERE a.id = said.id AND (a.roles, a.outside) IS DISTINCT FROM (said.roles, said.outside)
"""


@transaction.atomic
def recast(people: Sequence[personas.Persona], *, replace: bool = False) -> int:
    """Add or change personas and give stored actions their roles; how many actions changed.

    With `replace`, whoever else is in their scenarios is no longer. The gates of verdicts stay as they were read.
    """
    scenarios = sorted({persona.scenario for persona in people})
    if replace:
        Persona.objects.filter(scenario__in=scenarios).delete()
    Persona.objects.bulk_create(
        [Persona(**asdict(persona)) for persona in people],
        update_conflicts=True,
        unique_fields=["scenario", "address"],
        update_fields=["name", "role", "inside", "in_gate"],
    )
    with connection.cursor() as cursor:
        cursor.execute(RESOLVE, [scenarios])
        return int(cursor.rowcount)
