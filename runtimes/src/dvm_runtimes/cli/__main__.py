"""``python -m dvm_runtimes.cli`` is ``dvm``."""

from __future__ import annotations

import sys

from . import main

sys.exit(main())
