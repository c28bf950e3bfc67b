"""``crmkit worker``: deliver events and do jobs until told to stop."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import click

from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.text import gettext as _, translate

__all__ = ["command"]


@click.command("worker", help=COMMANDS["worker"])
@click.option(
    "--threads",
    type=click.IntRange(1, 64),
    default=4,
    show_default=True,
    help=_("How many pieces of work are done at once."),
)
@click.option(
    "--metrics",
    "metrics_port",
    type=click.IntRange(1, 65535),
    metavar="PORT",
    help=_("Tell metrics to Prometheus on this port of 127.0.0.1."),
)
@click.option("--until-idle", is_flag=True, help=_("Stop when nothing is due any more."))
@click.option("--celery", is_flag=True, help=_("Do what the broker in [celery] of crm.toml brings, in processes."))
@click.option("--dispatch-only", is_flag=True, help=_("Send what is due to workers of Celery, and do nothing of it."))
@click.pass_obj
def command(
    session: Session, threads: int, metrics_port: int | None, until_idle: bool, celery: bool, dispatch_only: bool
) -> None:
    """Work until a signal says stop; what runs then is finished first, and a second signal ends that too."""
    if celery + dispatch_only + until_idle > 1:
        raise click.UsageError(translate(_("Give one of --celery, --dispatch-only and --until-idle.")))
    if celery:
        _work_for_celery(session, threads)
        return
    with _watched(session, metrics_port):
        if dispatch_only:
            _dispatch(session)
        else:
            _work(session, threads, until_idle)


@contextmanager
def _watched(session: Session, metrics_port: int | None) -> Iterator[None]:
    """Have what happens in the block logged, counted and traced."""
    from crmkit.observing.logs import logs_set_up
    from crmkit.observing.redacting import personal_names
    from crmkit.observing.watching import told_on, watch

    watching = watch(session.crm)
    with logs_set_up(session.settings.config.log, personal=personal_names(session.crm.registry)):
        if metrics_port is None:
            yield
            return
        with told_on(watching, metrics_port):
            yield


def _work(session: Session, threads: int, until_idle: bool) -> None:
    from crmkit.core.jobs.worker import Worker

    worker = Worker(session.crm, threads=threads)
    session.say(translate(_("Working as {owner}; stop with Ctrl+C.")).format(owner=worker.owner))
    try:
        if until_idle:
            worker.run_until_idle()
        else:
            with _stopping() as stop:
                worker.run(stop)
    finally:
        worker.close()
    session.say(translate(_("Stopped; nothing is left half done.")))


def _work_for_celery(session: Session, processes: int) -> None:
    from crmkit.celery.working import run_worker

    # Asked for here, where what is amiss is told well; each process opens its own.
    session.crm.close()
    run_worker(session.settings.config.celery, session.opener(), processes=processes)


def _dispatch(session: Session) -> None:
    from crmkit.celery import CeleryCarrier
    from crmkit.core.jobs.carrying import Sender

    sender = Sender(session.crm, CeleryCarrier(session.settings.config.celery))
    session.say(translate(_("Sending what is due; stop with Ctrl+C.")))
    with _stopping() as stop:
        sender.run(stop)


@contextmanager
def _stopping() -> Iterator[Event]:
    """Give an event that the first signal sets; the second does what it does by default."""
    stop, before = Event(), {}

    def hear(number: int, _frame: Any) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        before[number] = signal.signal(number, hear)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
