"""Examines every architecture anew, and holds the shipped table against it.

It takes some ten minutes, so it is not part of the ordinary suite: `pytest tests/interpret/whole_table.py`. Where it
fails after a change of transformers, `interpret doctor --all --out reports/verified_models.md` writes the table anew.
"""

from test_doctor_table import shipped_rows

from interpret.doctor.table import examine_all


def test_every_row_of_the_shipped_table_holds() -> None:
    shipped = shipped_rows()
    found = {
        (row.architecture, row.task): (row.status, row.analyze == "yes", str(row.calls or ""))
        for row in examine_all(workers=2)
    }
    assert found == {pair: (cells[1], cells[2] == "yes", cells[3]) for pair, cells in shipped.items()}
