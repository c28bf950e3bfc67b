"""What a process that is to be killed does: an import that is a job, until it has written so many batches."""

import os
import signal
from contextlib import contextmanager

from crmkit import CRM, Config, Database, FixedClock, WorkContext, Worker
from crmkit.core.configuration.config import Files
from crmkit.testing import NOON
from crmkit.transfer import batches


def do_import(url, folder, writes):
    """Work on the database at *url*, whose files are in *folder*; die without a word once so much is committed."""
    write, written = WorkContext.write, []

    @contextmanager
    def counted(self, principal=None):
        with write(self, principal) as writer:
            yield writer
        written.append(principal)
        if len(written) == writes:
            os.kill(os.getpid(), signal.SIGKILL)

    WorkContext.write = counted
    batches._MOST = 40
    config = Config(database=Database(url=url), files=Files(folder=folder), plugins=["customers"])
    Worker(CRM(config, clock=FixedClock(NOON)), threads=1).run_until_idle()
