"""What a process that is to be killed does: carry records over until it has told of its progress so many times."""

import os
import signal

from crmkit import CRM, Config, Database, FixedClock, WorkContext, Worker
from crmkit.core.publishing import carrying
from crmkit.testing import NOON
from tests.core.flow.shop import SHOP


def carry(url, tells):
    """Work on the database at *url* in batches of two; die without a word when the progress is told so often."""
    carrying.AT_ONCE = 2
    told, progress = [], WorkContext.progress

    def tell(self, *arguments, **named):
        progress(self, *arguments, **named)
        told.append(arguments)
        if len(told) == tells:
            os.kill(os.getpid(), signal.SIGKILL)

    WorkContext.progress = tell
    crm = CRM(Config(database=Database(url=url)), plugins=[SHOP], clock=FixedClock(NOON))
    Worker(crm, threads=1).run_until_idle()
