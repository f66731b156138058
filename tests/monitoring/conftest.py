"""Make the kit importable: `monitoring` is one package of two folders, this one and scripts/monitoring."""

import sys

from serving import ROOT

sys.path.append(str(ROOT / "scripts"))
