"""Hooks: the questions that crmkit asks plugins, and the caller that keeps one plugin's failure its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import pluggy

from crmkit.core.errors import CrmkitError, DeclarationError
from crmkit.core.hook_answers import checked_answer
from crmkit.core.plugins import LoadedPlugin, PluginError
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from uuid import UUID

    from crmkit.core.automating.automation import Action, Automation
    from crmkit.core.demo import DemoPart
    from crmkit.core.entity import FieldInfo
    from crmkit.core.events import Event, Subscriber
    from crmkit.core.inbound import InboundHook, InboundSource
    from crmkit.core.jobs import Job, RecordSchedule, Schedule
    from crmkit.core.matching import Matcher
    from crmkit.core.pipelines import Guard, PastPipeline, Pipeline
    from crmkit.core.policy.roles import Restriction, Role
    from crmkit.core.reading.reader import Reader
    from crmkit.core.sections import Section, TimelinePart
    from crmkit.core.shipped.shipping import Shipped, ShippedKind
    from crmkit.core.stored_names import StoredNames
    from crmkit.core.verbs import Verb
    from crmkit.core.writing.changes import Write, WriteContext

__all__ = ["HookFailedError", "Hooks", "Problem", "hookimpl", "hookspec"]

# Without a handler of the application's, Python would print to standard error, which is not crmkit's to write to.
_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())

hookspec = pluggy.HookspecMarker("crmkit")
hookimpl = pluggy.HookimplMarker("crmkit")


@attrs.frozen
class Problem:
    """Why a plugin refuses a write: a sentence, and the place of the write in the batch it was asked about."""

    message: str
    index: int = 0
    field: str | None = None


@hookspec
def crmkit_register_entities() -> Sequence[type[Any] | FieldInfo]:
    """Return the entities and extensions that the plugin declares.

    When: once, while the registry is built; no database is there.
    Return: classes made by ``@entity`` or ``@extension``; after an entity, its custom fields that are in code.
    Combined: all are registered; two plugins claiming the same entity or field is an error that names both.
    Used by: ``crmkit/plugins/sales/hooks.py``.
    """
    raise NotImplementedError


@hookspec
def crmkit_register_roles() -> Sequence[Role | Restriction]:
    """Return the roles and restrictions that the plugin ships.

    When: once, while the registry is built.
    Return: :class:`Role` and :class:`Restriction` objects; their ids begin with the plugin's name.
    Combined: all are registered.
    Used by: ``crmkit/plugins/sales/hooks.py``.
    """
    raise NotImplementedError


@hookspec
def crmkit_register_pipelines() -> Sequence[Pipeline | PastPipeline | Guard]:
    """Return the pipelines that the plugin ships, what they were before, and the guards that moves may name.

    When: once, while the registry is built.
    Return: :class:`Pipeline` and :class:`Guard` objects; their ids begin with the plugin's name. A
    :class:`PastPipeline` is a version that records may pin still.
    Combined: all are registered; the first pipeline of an entity is its default.
    Used by: ``crmkit/plugins/sales/hooks.py``.
    """
    raise NotImplementedError


@hookspec
def crmkit_register_sections() -> Sequence[Section | TimelinePart]:
    """Return what the plugin shows around records, its own and those of other plugins.

    When: once, while the registry is built.
    Return: :class:`Section` and :class:`TimelinePart` objects; their ids begin with the plugin's name.
    Combined: all are registered, sections by rank; two plugins claiming the same id is an error that names both.
    Used by: ``crmkit/plugins/sales/hooks.py``.
    """
    raise NotImplementedError


@hookspec
def crmkit_register_matchers() -> Sequence[Matcher]:
    """Return by what records that may be the same are found.

    When: once, while the registry is built.
    Return: a :class:`Matcher` for each of the plugin's entities that have one.
    Combined: all are registered; their keys are written with the records.
    Used by: ``crmkit/plugins/customers/hooks.py``.
    """
    raise NotImplementedError


@hookspec
def crmkit_register_events() -> Sequence[type[Event]]:
    """Return the events that the plugin tells.

    When: once, while the registry is built.
    Return: classes made by ``@event``; their ids begin with the plugin's name.
    Combined: all are registered.
    Used by: ``crmkit/plugins/sales/hooks.py``.
    """
    raise NotImplementedError


@hookspec
def crmkit_register_subscribers() -> Sequence[Subscriber]:
    """Return who wants to know of events, after the commit.

    When: once, while the registry is built.
    Return: :class:`Subscriber` objects; their ids begin with the plugin's name.
    Combined: all are registered; each gets its own delivery, so that none waits for another or fails with it.
    Used by: ``crmkit/plugins/sales/hooks.py``.
    """
    raise NotImplementedError


@hookspec
def crmkit_register_jobs() -> Sequence[Job]:
    """Return the jobs that the plugin can do.

    When: once, while the registry is built.
    Return: :class:`Job` objects; their ids begin with the plugin's name.
    Combined: all are registered.
    Used by: ``crmkit/plugins/sales/hooks.py``.
    """
    raise NotImplementedError


@hookspec
def crmkit_register_schedules() -> Sequence[Schedule | RecordSchedule]:
    """Return when jobs are to be done by themselves.

    When: once, while the registry is built.
    Return: :class:`Schedule` objects (by the clock) and :class:`RecordSchedule` objects (by a time that stands in
    records); their ids begin with the plugin's name.
    Combined: all are registered.
    Used by: ``crmkit/plugins/sales/hooks.py``.
    """
    raise NotImplementedError


@hookspec
def crmkit_register_actions() -> Sequence[Action]:
    """Return what automations can have the plugin do.

    When: once, while the registry is built.
    Return: :class:`Action` objects; their ids begin with the plugin's name.
    Combined: all are registered.
    Used by: ``crmkit/plugins/workspace/hooks.py``.
    """
    raise NotImplementedError


@hookspec
def crmkit_register_automations() -> Sequence[Automation]:
    """Return the automations that the plugin ships.

    When: once, while the registry is built.
    Return: :class:`Automation` objects; their ids begin with the plugin's name.
    Combined: all are registered; what an administrator makes of one takes its place, and is merged with what the
    plugin ships later.
    Used by: ``crmkit/plugins/workspace/hooks.py``.
    """
    raise NotImplementedError


@hookspec
def crmkit_register_shipped_kinds() -> Sequence[ShippedKind]:
    """Return of which of the plugin's entities any plugin may ship records.

    When: once, while the registry is built.
    Return: :class:`ShippedKind` objects; their ids are those of the entities.
    Combined: all are registered.
    Used by: ``crmkit/plugins/workspace/hooks.py``.
    """
    raise NotImplementedError


@hookspec
def crmkit_register_shipped() -> Sequence[Shipped]:
    """Return the records that the plugin ships, of its own entities or of those of plugins that may be there.

    When: once, while the registry is built.
    Return: :class:`Shipped` objects; their ids begin with the plugin's name.
    Combined: all are registered; those of a kind that no enabled plugin keeps are left out. What is edited here is
    merged with what the plugin ships later.
    Used by: ``crmkit/plugins/sales/hooks.py``.
    """
    raise NotImplementedError


@hookspec
def crmkit_register_stored_names() -> Sequence[StoredNames]:
    """Return which of the plugin's records name fields of other entities, in rules or in lists of names.

    When: once, while the registry is built.
    Return: :class:`StoredNames` objects; their ids are those of the entities.
    Combined: all are registered; what they say is renamed with a field.
    Used by: ``crmkit/plugins/workspace/hooks.py``.
    """
    raise NotImplementedError


@hookspec
def crmkit_register_inbound_hooks() -> Sequence[InboundHook]:
    """Return what the plugin takes from other programs that send it webhooks.

    When: once, while the registry is built.
    Return: :class:`InboundHook` objects; their ids begin with the plugin's name.
    Combined: all are registered.
    Used by: ``crmkit/plugins/sales/hooks.py``.
    """
    raise NotImplementedError


@hookspec
def crmkit_register_verbs() -> Sequence[Verb]:
    """Return what people and programs may have the plugin do by its name, on every surface.

    When: once, while the registry is built.
    Return: :class:`Verb` objects; their ids begin with the plugin's name.
    Combined: all are registered.
    Used by: ``crmkit/plugins/sales/hooks.py``.
    """
    raise NotImplementedError


@hookspec
def crmkit_find_inbound_source(db: Reader, source: UUID) -> InboundSource | None:
    """Return who may send messages as *source*, and by which secrets they prove it.

    When: for each message that comes in from another program. *db* reads everything.
    Return: ``None`` if the plugin knows no such source, or it may send nothing now.
    Combined: the first plugin that knows it is asked alone.
    Used by: ``crmkit/plugins/webhooks/hooks.py``.
    """


@hookspec
def crmkit_register_demo() -> DemoPart:
    """Return what the plugin contributes to the demo company.

    When: once, when ``crmkit demo`` begins.
    Return: a :class:`DemoPart`: roles by job, and functions that make the plugin's records day by day.
    Combined: all are called in load order, each day anew.
    Used by: ``crmkit/plugins/customers/hooks.py``.
    """
    raise NotImplementedError


@hookspec
def crmkit_before_write(context: WriteContext, writes: Sequence[Write]) -> None:
    """Set values of *writes*, or add writes through *context*.

    When: inside the transaction, after normalising and before validation; again for what hooks added, at most
    eight rounds.
    Return: nothing; use ``write.set(field, value)``, ``context.create(record)`` and ``context.update(…)``.
    Combined: plugins are asked in load order and see what those before them set.
    Used by: ``crmkit/plugins/workspace/hooks.py`` (entry tasks).
    """


@hookspec
def crmkit_check_write(context: WriteContext, writes: Sequence[Write]) -> Sequence[Problem] | None:
    """Refuse writes before they reach the database.

    When: inside the transaction, after authorisation; *writes* can no longer be changed.
    Return: ``None`` or the problems; never raise.
    Combined: every plugin is asked; one problem refuses the whole batch. An unexpected error refuses it too.
    Used by: ``crmkit/plugins/customers/hooks.py``.
    """


@hookspec
def crmkit_check_move(context: WriteContext, writes: Sequence[Write]) -> Sequence[Problem] | None:
    """Refuse stage changes; *writes* are all moves.

    When: inside the transaction, after the pipeline's own guards.
    Return: ``None`` or the problems; never raise.
    Combined: every plugin is asked; one problem refuses the whole batch. An unexpected error refuses it too.
    Used by: ``crmkit/plugins/sales/hooks.py``.
    """


class HookFailedError(CrmkitError):
    """A plugin's hook raised an error, so the write that asked it is refused. The log has the error in full."""

    code = "hook-failed"
    template = _("Plugin {plugin!r} failed in {hook}, so nothing was written: {kind}. The log tells more.")

    def __init__(self, plugin: str, hook: str, error: BaseException) -> None:
        """Name *plugin* and *hook*, and of the error its type alone: its text may tell what the caller may not read."""
        super().__init__(plugin=plugin, hook=hook, kind=type(error).__name__)


class Hooks:
    """The hooks of one CRM: every plugin's implementations, asked in load order."""

    def __init__(self, plugins: Sequence[LoadedPlugin], specifications: Sequence[Any] = ()) -> None:
        """Register *plugins*, which are in load order.

        Raises:
            PluginError: an implementation has no specification, or asks for an argument that the hook does not give.
        """
        self.versions = {plugin.name: plugin.manifest.version for plugin in plugins}
        self._order = {plugin.name: place for place, plugin in enumerate(plugins)}
        self._manager = pluggy.PluginManager("crmkit")
        for specification in (__import__(__name__, fromlist=["*"]), *specifications):
            self._manager.add_hookspecs(specification)
        reasons = [reason for plugin in plugins for reason in self._register(plugin)]
        if reasons:
            raise PluginError(reasons)
        self._cache: dict[str, list[tuple[str, Callable[..., Any], tuple[str, ...]]]] = {}

    def _register(self, plugin: LoadedPlugin) -> Iterator[CrmkitError]:
        try:
            module = plugin.submodule("hooks")
            if module is not None:
                self._manager.register(module, name=plugin.name)
                self._manager.check_pending()
        except pluggy.PluginValidationError as error:
            yield DeclarationError(plugin.name, _("{reason}"), reason=" ".join(str(error).split()))
        except (Exception, SystemExit) as error:
            reason = f"{type(error).__name__}: {error}"
            yield DeclarationError(plugin.name, _("its hooks cannot be imported: {reason}"), reason=reason)

    def ask(self, hook: str, **arguments: Any) -> Iterator[tuple[str, Any]]:
        """Yield ``(plugin, answer)`` of each plugin that implements *hook*; ``None`` answers are left out.

        Raises:
            HookFailedError: an implementation raised; it names the plugin. Errors of crmkit itself pass through.
            HookAnswerError: an implementation answered what the hook does not take.
        """
        for plugin, function, names in self._implementations(hook):
            try:
                answer = function(**{name: arguments[name] for name in names})
                if answer is not None:
                    answer = checked_answer(plugin, hook, answer, len(arguments.get("writes", ())))
            except CrmkitError:
                raise
            except (Exception, SystemExit) as error:
                _log.error("%s failed in %s", plugin, hook, exc_info=error)
                raise HookFailedError(plugin, hook, error) from error
            if answer is not None:
                yield plugin, answer

    def has(self, hook: str) -> bool:
        """Return whether any plugin implements *hook*."""
        return bool(self._implementations(hook))

    def _implementations(self, hook: str) -> list[tuple[str, Callable[..., Any], tuple[str, ...]]]:
        if hook not in self._cache:
            found = [
                (impl.plugin_name, impl.function, tuple(impl.argnames))
                for impl in getattr(self._manager.hook, hook).get_hookimpls()
            ]
            self._cache[hook] = sorted(found, key=lambda entry: self._order[entry[0]])
        return self._cache[hook]
