"""Reading YAML that people and git write, and break."""

from pathlib import Path
from typing import Any

import yaml

from inkproof.errors import UserError


def read_yaml(path: Path) -> Any:
    """Return what the YAML file `path` holds.

    Raises FileNotFoundError or NotADirectoryError where there is none, and UserError where it cannot be read.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot be read ({' '.join(str(error).split())})") from error
