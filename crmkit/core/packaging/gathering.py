"""Finding what becomes of a package, as far as whoever exports it sees it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

import attrs

from crmkit.core.custom_entities.entity import CustomEntity
from crmkit.core.custom_fields.entity import CustomField
from crmkit.core.custom_fields.types import field_type
from crmkit.core.errors import CrmkitError
from crmkit.core.fields import Reference
from crmkit.core.packaging.package import Extension, Package, PackagedEntity, PackagedField
from crmkit.core.pipelines import Pipeline
from crmkit.core.registry import CUSTOM
from crmkit.core.text import Text, gettext as _

if TYPE_CHECKING:
    from crmkit.core.plugins import LoadedPlugin
    from crmkit.core.reading.reader import Reader

__all__ = ["Gathering", "PluginExportError"]


class PluginExportError(CrmkitError):
    """What was made at run time cannot become a plugin as asked."""

    code = "plugin-export"
    template = _("No plugin {name!r} can be made: {reason}")

    def __init__(self, name: str, reason: Text, **facts: object) -> None:
        """Say why."""
        super().__init__(name=name, reason=reason, **facts)


@attrs.frozen
class Gathering:
    """What is asked for: *entities* by id, for the plugin *name*, in a CRM that has *plugins*."""

    db: Reader
    plugins: Sequence[LoadedPlugin]
    entities: Collection[str]
    name: str

    def package(self) -> Package:
        """Return what the package is made of.

        Raises:
            PluginExportError: there is nothing to export, or it stands on what would not come along.
        """
        made_here = [entity for entity in self.entities if self._is_made_here(entity)]
        definitions = {f"{CUSTOM}.{each.slug}": each for each in self.db.find(CustomEntity)}
        entities = [self._entity(definitions[id_]) for id_ in made_here if id_ in definitions]
        hosts = [entity for entity in dict.fromkeys(self.entities) if entity not in made_here]
        fields = [field for field in self.fields() if not self.stays(field)]
        extensions = [Extension.of(host, mine) for host in hosts if (mine := [f for f in fields if f.entity == host])]
        if not entities and not extensions:
            raise PluginExportError(self.name, _("there are no entities and no custom fields to export"))
        return Package(self.name, entities, extensions, self._required(entities, fields))

    def fields(self) -> list[CustomField]:
        """Return the custom fields of the entities, in the order in which people see them."""
        mine = [field for field in self.db.find(CustomField) if field.entity in self.entities]
        return sorted(mine, key=lambda field: (field.entity, field.position, field.key))

    def stays(self, field: CustomField) -> bool:
        """Return whether *field* stays what it is, because it refers to an entity that does."""
        kind = field_type(field.type, field.options)
        return isinstance(kind, Reference) and self._is_made_here(kind.entity) and kind.entity not in self.entities

    def _is_made_here(self, entity: str) -> bool:
        info = self.db.model.registry.entities.get(entity)
        return info is not None and info.plugin == CUSTOM

    def _entity(self, definition: CustomEntity) -> PackagedEntity:
        id_, registry = f"{CUSTOM}.{definition.slug}", self.db.model.registry
        if definition.follows and self._is_made_here(definition.follows) and definition.follows not in self.entities:
            message = _("{entity} follows {other}, which was made at run time: export both")
            raise PluginExportError(self.name, message, entity=id_, other=definition.follows)
        fields = [PackagedField(f.key, f) for f in self.fields() if f.entity == id_ and not self.stays(f)]
        past = list(self._past(id_))
        replaced = {pipeline.id for pipeline in past}
        # Records pin local versions by their numbers; what is shipped has numbers of its own.
        pipelines = [attrs.evolve(p, version=1 + (p.id in replaced)) for p in registry.pipelines_of(id_)]
        followed = None if definition.follows is None else registry.entities[definition.follows].label
        made = registry.entities[id_], tuple(fields), tuple(pipelines), tuple(past)
        return PackagedEntity(definition, *made, followed)

    def _past(self, entity: str) -> Iterator[Pipeline]:
        """Yield the pipelines of *entity* as they were defined with it, where they were edited since."""
        registry = self.db.model.registry
        for pipeline in registry.pipelines_of(entity):
            yield from (past for past in registry.past_versions(pipeline.id) if past.version == 1)

    def _required(self, entities: Sequence[PackagedEntity], fields: Sequence[CustomField]) -> dict[str, str]:
        named = {*self._named(entities), *(field.entity for field in fields)}
        kinds = (field_type(field.type, field.options) for field in fields)
        named |= {kind.entity for kind in kinds if isinstance(kind, Reference)}
        owners = {self.db.model.registry.plugin_of(id_) for id_ in named}
        return {each.name: f">={each.manifest.version}" for each in self.plugins if each.name in owners}

    def _named(self, entities: Sequence[PackagedEntity]) -> Iterator[str]:
        """Yield the ids of others that *entities* and their pipelines name."""
        for entity in entities:
            if entity.definition.follows is not None:
                yield entity.definition.follows
            for move in (move for pipeline in (*entity.pipelines, *entity.past) for move in pipeline.moves):
                yield from (guard for guard in move.guards if isinstance(guard, str))
                yield from move.roles
                yield from () if move.approval is None else move.approval.roles
