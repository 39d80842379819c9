"""What a choice need not train, because an earlier one has: the networks that both want."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from inkproof.atomic import replacing
from inkproof.record.choice_file import final_folder
from inkproof.studies.cells import plan
from inkproof.studies.definition import Study, read_study
from inkproof.studies.ledger import read_ledger, write_row


def take_over(study: Study, choice: Mapping[str, Any]) -> None:
    """Copy rows and products that final studies of earlier choices have to that of `choice`.

    What is in an earlier ledger, but whose network is not here, is trained again.
    """
    final = read_study(final_folder(study, choice["number"]))
    cells, done = plan(final), set(read_ledger(final.ledger))
    for number in (one["number"] for one in choice["earlier"]):
        before = final_folder(study, number)
        rows = read_ledger(before / final.ledger.name)
        for cell in cells:
            trained = replace(cell, study=before.name).folder
            if cell.key in rows and cell.key not in done and (trained / "run.json").exists():
                with replacing(cell.folder) as folder:
                    shutil.copytree(trained, folder)
                write_row(final.ledger, rows[cell.key])
                done.add(cell.key)
