"""One module for each command of ``crmkit``; its object ``command`` is what :mod:`crmkit.cli.root` mounts."""
