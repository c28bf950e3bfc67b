"""``python -m crmkit`` is the command ``crmkit``, also where that is not on the path."""

from __future__ import annotations

from crmkit.cli import main

if __name__ == "__main__":
    main()
