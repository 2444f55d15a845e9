"""The folders of the tested modules."""

import sys
from pathlib import Path

DEPLOY = Path(__file__).resolve().parent.parent
ROOT = DEPLOY.parent
sys.path[:0] = [str(DEPLOY), str(ROOT / "local")]
