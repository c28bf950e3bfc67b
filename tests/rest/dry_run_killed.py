"""What a process that is to be killed does: a dry run of an import, until it has written so many batches."""

import os
import signal

from crmkit import CRM, Config, Database, FixedClock, Worker
from crmkit.core.configuration.config import Files
from crmkit.testing import NOON
from crmkit.transfer import batches, sweep


def begin_dry_run(url, folder, writes):
    """Work on the database at *url*, whose files are in *folder*; die without a word after so many batches."""
    write, written = sweep.Sweep._write, []

    def counted(self, batch, source, rows):
        write(self, batch, source, rows)
        written.append(rows)
        if len(written) == writes:
            os.kill(os.getpid(), signal.SIGKILL)

    sweep.Sweep._write = counted
    batches._MOST, batches._LEAST = 20, 20
    config = Config(database=Database(url=url), files=Files(folder=folder), plugins=["customers"])
    Worker(CRM(config, clock=FixedClock(NOON)), threads=1).run_until_idle()
