"""``python -m kws``."""

import sys

from kws.cli.main import main

sys.exit(main())
