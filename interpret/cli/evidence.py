"""`interpret study --evidence`: which explanation finds the words that must decide, as text."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analyses.studies.evidence.schema import EvidenceDict


def evidence_lines(found: "EvidenceDict") -> list[str]:
    """Writes the agreement of explanations with marked words as a table, with what it says and doesn't say."""
    from analyses.studies.evidence.in_short import ASIDE, about_leads, evidence_in_short, evidence_table

    head = f"{found['texts']} texts with marked words, {found['marked']:.0%} of their words on average"
    rows = evidence_table(found)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    left_out = [f"{each['method']} is left out: {each['left_out']}" for each in found["methods"] if each["left_out"]]
    said = (*evidence_in_short(found), ASIDE, *table, about_leads(found), *left_out)
    return [f"evidence   {head}", *(f"           {line}" for line in said)]
