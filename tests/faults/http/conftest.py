from tests.rest.conftest import *  # noqa: F403
