"""``python -m glassnet`` is the command ``glassnet``."""

from glassnet.cli.main import main

raise SystemExit(main())
