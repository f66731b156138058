"""Make the scripts importable that wrote the artifacts and the table."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts"))
