"""`python -m stenosis_kit` is `stenosis-kit`."""

import sys

from stenosis_kit.cli import main

if __name__ == "__main__":
    sys.exit(main())
