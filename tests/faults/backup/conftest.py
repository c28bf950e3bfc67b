from tests.backup.conftest import *  # noqa: F403
