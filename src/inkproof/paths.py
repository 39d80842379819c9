"""Where the repository is: every default path hangs below ROOT, whatever folder a command is typed in."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
