"""What plugins may answer to the hooks of crmkit, and the error where one answers something else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import attrs

from crmkit.core.errors import CrmkitError
from crmkit.core.text import Text, gettext as _

__all__ = ["HookAnswerError", "checked_answer"]


class HookAnswerError(CrmkitError):
    """A plugin answered a hook with something that the hook does not take. The plugin has to be mended."""

    code = "hook-answer"
    template = _("Plugin {plugin!r} answered {hook} with {answer}. Expected: {expected}.")

    def __init__(self, plugin: str, hook: str, answer: str, expected: Text) -> None:
        """Name *plugin* and *hook*, and the types of what was answered: the values may be somebody's secret."""
        super().__init__(plugin=plugin, hook=hook, answer=answer, expected=expected)


@attrs.frozen
class _Expected:
    """What a hook takes: a *text* that says it, and a test of the answer, or of each of several."""

    text: Text
    fits: Callable[[Any, int], bool]
    several: bool = True


@cache
def _expected() -> Mapping[str, _Expected]:
    # When the first hook is asked, all these modules are there; they import the hooks.
    from crmkit.core.automating.automation import Action, Automation
    from crmkit.core.demo import DemoPart
    from crmkit.core.entity import FieldInfo
    from crmkit.core.events import Event, Subscriber
    from crmkit.core.hooks import Problem
    from crmkit.core.inbound import InboundHook, InboundSource
    from crmkit.core.jobs import Job, RecordSchedule, Schedule
    from crmkit.core.matching import Matcher
    from crmkit.core.pipelines import Guard, PastPipeline, Pipeline
    from crmkit.core.policy.roles import Restriction, Role
    from crmkit.core.sections import Section, TimelinePart
    from crmkit.core.shipped.shipping import Shipped, ShippedKind
    from crmkit.core.stored_names import StoredNames
    from crmkit.core.verbs import Verb

    def is_problem(answer: Any, writes: int) -> bool:
        return isinstance(answer, Problem) and answer.index in range(writes)

    def one_of(*kinds: type[Any]) -> Callable[[Any, int], bool]:
        return lambda answer, _writes: isinstance(answer, kinds)

    def is_entity(answer: Any, _writes: int) -> bool:
        return isinstance(answer, FieldInfo) or (isinstance(answer, type) and hasattr(answer, "__entity__"))

    def is_event(answer: Any, _writes: int) -> bool:
        return isinstance(answer, type) and issubclass(answer, Event)

    problems = _Expected(_("problems, each with the place of a write"), is_problem)
    return {
        "crmkit_register_entities": _Expected(_("entities, extensions and custom fields in code"), is_entity),
        "crmkit_register_roles": _Expected(_("roles and restrictions"), one_of(Role, Restriction)),
        "crmkit_register_pipelines": _Expected(_("pipelines and guards"), one_of(Pipeline, PastPipeline, Guard)),
        "crmkit_register_sections": _Expected(_("sections and parts of time lines"), one_of(Section, TimelinePart)),
        "crmkit_register_matchers": _Expected(_("matchers"), one_of(Matcher)),
        "crmkit_register_events": _Expected(_("events"), is_event),
        "crmkit_register_subscribers": _Expected(_("subscribers"), one_of(Subscriber)),
        "crmkit_register_jobs": _Expected(_("jobs"), one_of(Job)),
        "crmkit_register_schedules": _Expected(_("schedules"), one_of(Schedule, RecordSchedule)),
        "crmkit_register_actions": _Expected(_("actions"), one_of(Action)),
        "crmkit_register_automations": _Expected(_("automations"), one_of(Automation)),
        "crmkit_register_shipped_kinds": _Expected(_("kinds of shipped records"), one_of(ShippedKind)),
        "crmkit_register_shipped": _Expected(_("shipped records"), one_of(Shipped)),
        "crmkit_register_stored_names": _Expected(_("where names are stored"), one_of(StoredNames)),
        "crmkit_register_inbound_hooks": _Expected(_("what is taken from other programs"), one_of(InboundHook)),
        "crmkit_register_verbs": _Expected(_("verbs"), one_of(Verb)),
        "crmkit_find_inbound_source": _Expected(_("an InboundSource"), one_of(InboundSource), several=False),
        "crmkit_register_demo": _Expected(_("a DemoPart"), one_of(DemoPart), several=False),
        "crmkit_before_write": _Expected(_("nothing"), one_of(), several=False),
        "crmkit_check_write": problems,
        "crmkit_check_move": problems,
    }


def checked_answer(plugin: str, hook: str, answer: Any, writes: int) -> Any:
    """Return *answer*, which is not ``None``, as a tuple if it has several parts. *writes* is how many it is about.

    Raises:
        HookAnswerError: the hook takes something else.
    """
    expected = _expected().get(hook)
    if expected is None:
        return answer
    if not expected.several:
        parts: tuple[Any, ...] = (answer,)
    elif isinstance(answer, Iterable) and not isinstance(answer, str | bytes | Mapping):
        parts = answer = tuple(answer)
    else:
        raise HookAnswerError(plugin, hook, type(answer).__name__, expected.text)
    for part in parts:
        if not expected.fits(part, writes):
            raise HookAnswerError(plugin, hook, type(part).__name__, expected.text)
    return answer
