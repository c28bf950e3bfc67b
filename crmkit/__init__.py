"""crmkit: a framework on which companies build their own CRM.

This module is the public API: plugins import from here and from nowhere else in crmkit. Names are imported when they
are first used, so that ``import crmkit`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crmkit.core.approving.deciding import approve as approve, reject as reject
    from crmkit.core.approving.entities import ReportingLine as ReportingLine, TeamLead as TeamLead
    from crmkit.core.approving.listing import approvals as approvals, approvals_to_give as approvals_to_give
    from crmkit.core.approving.requesting import request_approval as request_approval
    from crmkit.core.approving.standing import ApprovalState as ApprovalState
    from crmkit.core.automating.automation import Action as Action, Automation as Automation, Told as Told
    from crmkit.core.automating.entities import AutomationRecord as AutomationRecord, AutomationRun as AutomationRun
    from crmkit.core.automating.managing import (
        automations_of as automations_of,
        find_automation as find_automation,
        remove_automation as remove_automation,
        save_automation as save_automation,
        switch_automation as switch_automation,
    )
    from crmkit.core.automating.parts import (
        Assign as Assign,
        ByRule as ByRule,
        Case as Case,
        CreateRecord as CreateRecord,
        LeastBusy as LeastBusy,
        MoveStage as MoveStage,
        OnCron as OnCron,
        OnDue as OnDue,
        OnEvent as OnEvent,
        OnWrite as OnWrite,
        RoundRobin as RoundRobin,
        RunAction as RunAction,
        SetFields as SetFields,
        To as To,
    )
    from crmkit.core.automating.templates import Template as Template
    from crmkit.core.automating.trying import Tried as Tried
    from crmkit.core.clock import Clock as Clock, FixedClock as FixedClock, SystemClock as SystemClock
    from crmkit.core.configuration.config import (
        CommandLine as CommandLine,
        Company as Company,
        Config as Config,
        Database as Database,
        Encryption as Encryption,
        Files as Files,
        Network as Network,
    )
    from crmkit.core.content.store import Content as Content, ContentStore as ContentStore
    from crmkit.core.crm import CRM as CRM
    from crmkit.core.custom_entities.entity import CustomEntity as CustomEntity
    from crmkit.core.custom_entities.purging import PurgedEntity as PurgedEntity, purge_entity as purge_entity
    from crmkit.core.custom_fields.converting import (
        FieldConversion as FieldConversion,
        FieldConversionError as FieldConversionError,
        convert_field as convert_field,
    )
    from crmkit.core.custom_fields.declaring import custom_field as custom_field
    from crmkit.core.custom_fields.entity import CustomField as CustomField
    from crmkit.core.custom_fields.purging import purge_field as purge_field
    from crmkit.core.demo import Demo as Demo, DemoPart as DemoPart, DemoPerson as DemoPerson
    from crmkit.core.encryption.errors import (
        EncryptionKeyError as EncryptionKeyError,
        SealedValueError as SealedValueError,
    )
    from crmkit.core.encryption.rotating import (
        FieldKeys as FieldKeys,
        Rotation as Rotation,
        change_data_key as change_data_key,
        change_master_key as change_master_key,
        keys_in_use as keys_in_use,
    )
    from crmkit.core.entity import (
        ExtensionRecord as ExtensionRecord,
        Owned as Owned,
        Pipelined as Pipelined,
        Record as Record,
        any_ref as any_ref,
        computed as computed,
        entity as entity,
        extension as extension,
        field as field,
        mixin as mixin,
        ref as ref,
    )
    from crmkit.core.errors import (
        ConfigurationError as ConfigurationError,
        ConflictError as ConflictError,
        CrmkitError as CrmkitError,
        DeclarationError as DeclarationError,
        FieldProblem as FieldProblem,
        ForbiddenError as ForbiddenError,
        MissingExtraError as MissingExtraError,
        NotFoundError as NotFoundError,
        StaleError as StaleError,
        StatementRefusedError as StatementRefusedError,
        TryAgainError as TryAgainError,
        UnknownEntityError as UnknownEntityError,
        UnknownFieldError as UnknownFieldError,
        ValidationError as ValidationError,
    )
    from crmkit.core.events import (
        Event as Event,
        EveryEvent as EveryEvent,
        RecordChanged as RecordChanged,
        Span as Span,
        Subscriber as Subscriber,
        Trigger as Trigger,
        event as event,
    )
    from crmkit.core.events.types import EventType as EventType, event_types as event_types, types_of as types_of
    from crmkit.core.explaining.explanation import Explanation as Explanation
    from crmkit.core.fields import (
        AnyReference as AnyReference,
        Boolean as Boolean,
        Choice as Choice,
        Column as Column,
        ContentHash as ContentHash,
        Date as Date,
        DateTime as DateTime,
        Decimals as Decimals,
        Email as Email,
        FieldType as FieldType,
        File as File,
        Integer as Integer,
        Json as Json,
        Locale as Locale,
        LongText as LongText,
        MoneyType as MoneyType,
        MultiChoice as MultiChoice,
        Number as Number,
        Option as Option,
        Percent as Percent,
        Phone as Phone,
        PlainEmail as PlainEmail,
        Reference as Reference,
        Refused as Refused,
        Target as Target,
        Text as Text,
        TimeZone as TimeZone,
        Url as Url,
    )
    from crmkit.core.flow import (
        Cohort as Cohort,
        Conversion as Conversion,
        CycleTimes as CycleTimes,
        Durations as Durations,
        Funnel as Funnel,
        Lane as Lane,
        board as board,
        conversion as conversion,
        cycle_times as cycle_times,
        funnel as funnel,
    )
    from crmkit.core.forgetting.records import forget_records as forget_records
    from crmkit.core.hooks import Problem as Problem, hookimpl as hookimpl
    from crmkit.core.ids import new_id as new_id
    from crmkit.core.inbound import (
        HmacSignature as HmacSignature,
        InboundHook as InboundHook,
        InboundMessage as InboundMessage,
        InboundSource as InboundSource,
        StandardSignature as StandardSignature,
    )
    from crmkit.core.inbound.errors import SignatureError as SignatureError
    from crmkit.core.inbound.receiving import inbound_hook as inbound_hook, take_inbound as take_inbound
    from crmkit.core.jobs import (
        DueRecord as DueRecord,
        Job as Job,
        NoArguments as NoArguments,
        RecordSchedule as RecordSchedule,
        Schedule as Schedule,
    )
    from crmkit.core.jobs.context import WorkContext as WorkContext
    from crmkit.core.jobs.errors import LeaseLostError as LeaseLostError, LoopError as LoopError
    from crmkit.core.jobs.worker import Worker as Worker
    from crmkit.core.matching import Matcher as Matcher, MatchKey as MatchKey
    from crmkit.core.merging.choosing import FieldChoice as FieldChoice
    from crmkit.core.merging.preview import MergePlan as MergePlan, Repointing as Repointing
    from crmkit.core.merging.unmerge import Leftover as Leftover, Unmerged as Unmerged
    from crmkit.core.migrating.data_steps import Batch as Batch, in_batches as in_batches
    from crmkit.core.migrating.encrypting import (
        decrypt_field as decrypt_field,
        encrypt_field as encrypt_field,
        index_field as index_field,
    )
    from crmkit.core.migrating.owning import (
        give_back_entity as give_back_entity,
        take_over_entity as take_over_entity,
    )
    from crmkit.core.migrating.renaming import rename_field as rename_field
    from crmkit.core.migrating.taking_over import (
        give_back_fields as give_back_fields,
        take_over_fields as take_over_fields,
    )
    from crmkit.core.money import Money as Money
    from crmkit.core.network.destinations import Destination as Destination
    from crmkit.core.network.errors import RefusedAddressError as RefusedAddressError
    from crmkit.core.network.guard import NetworkGuard as NetworkGuard
    from crmkit.core.offboarding.handover import HandedOver as HandedOver, Handover as Handover
    from crmkit.core.offboarding.offboard import offboard as offboard, preview_offboarding as preview_offboarding
    from crmkit.core.offboarding.returning import GivenBack as GivenBack, take_back as take_back
    from crmkit.core.offboarding.succession import Split as Split, Succession as Succession
    from crmkit.core.pipelines import (
        Approval as Approval,
        EntryTask as EntryTask,
        Guard as Guard,
        Move as Move,
        PastPipeline as PastPipeline,
        Pipeline as Pipeline,
        Reason as Reason,
        Reasons as Reasons,
        Refusal as Refusal,
        Stage as Stage,
        UnknownPipelineError as UnknownPipelineError,
        UnknownStageError as UnknownStageError,
    )
    from crmkit.core.plugins import Plugin as Plugin, PluginError as PluginError
    from crmkit.core.policy.credentials import CredentialError as CredentialError
    from crmkit.core.policy.people import (
        Assignment as Assignment,
        ExchangeRate as ExchangeRate,
        Membership as Membership,
        Team as Team,
        User as User,
    )
    from crmkit.core.policy.principal import Principal as Principal
    from crmkit.core.policy.roles import (
        Grant as Grant,
        Mask as Mask,
        Restriction as Restriction,
        Role as Role,
    )
    from crmkit.core.privacy.data_map import PersonalField as PersonalField, personal_data as personal_data
    from crmkit.core.privacy.entities import LegalHold as LegalHold, RetentionRule as RetentionRule
    from crmkit.core.privacy.erasing import (
        Erasure as Erasure,
        erase_person as erase_person,
        preview_erasure as preview_erasure,
    )
    from crmkit.core.privacy.extent import ErasedRecords as ErasedRecords
    from crmkit.core.privacy.finishing import finish_erasures as finish_erasures
    from crmkit.core.privacy.holding import LegalHoldError as LegalHoldError
    from crmkit.core.privacy.retaining import (
        RetentionPlan as RetentionPlan,
        RetentionRun as RetentionRun,
        plan_retention as plan_retention,
        run_retention as run_retention,
    )
    from crmkit.core.publishing.carrying import (
        CarriedOver as CarriedOver,
        carry_over as carry_over,
        plan_carry_over as plan_carry_over,
    )
    from crmkit.core.publishing.drafting import (
        discard_draft as discard_draft,
        draft_of as draft_of,
        publish_draft as publish_draft,
        save_draft as save_draft,
        versions_of as versions_of,
    )
    from crmkit.core.publishing.entities import PipelineVersion as PipelineVersion
    from crmkit.core.publishing.trying import DryRun as DryRun, StageThatGoes as StageThatGoes, try_draft as try_draft
    from crmkit.core.publishing.written import written_pipeline as written_pipeline
    from crmkit.core.reading.known_events import KnownEvent as KnownEvent, KnownEvents as KnownEvents
    from crmkit.core.reading.lists import Page as Page
    from crmkit.core.reading.matches import Matches as Matches
    from crmkit.core.reading.measures import (
        average as average,
        count as count,
        greatest as greatest,
        least as least,
        total as total,
        total_by_currency as total_by_currency,
    )
    from crmkit.core.reading.reader import Reader as Reader
    from crmkit.core.reading.section_lists import SectionList as SectionList
    from crmkit.core.reading.shares import SharedWith as SharedWith
    from crmkit.core.reading.timeline import Timeline as Timeline, TimelineEntry as TimelineEntry
    from crmkit.core.reading.visits import Visit as Visit
    from crmkit.core.representing.reading import read_values as read_values
    from crmkit.core.representing.records import represent as represent
    from crmkit.core.rules.errors import RuleError as RuleError
    from crmkit.core.rules.rule import Rule as Rule
    from crmkit.core.searching.asking import SearchTextError as SearchTextError
    from crmkit.core.searching.hits import Hit as Hit, SearchPage as SearchPage, Snippet as Snippet
    from crmkit.core.sections import Section as Section, Through as Through, TimelinePart as TimelinePart
    from crmkit.core.shipped.deciding import (
        decide_edit as decide_edit,
        edited_thing as edited_thing,
        local_edits as local_edits,
        reset_edit as reset_edit,
    )
    from crmkit.core.shipped.entities import LocalEdit as LocalEdit
    from crmkit.core.shipped.kinds import Edited as Edited
    from crmkit.core.shipped.roles import edit_role as edit_role, role_in_effect as role_in_effect
    from crmkit.core.shipped.settling import settle_shipped as settle_shipped
    from crmkit.core.shipped.shipping import Shipped as Shipped, ShippedKind as ShippedKind
    from crmkit.core.shipped.three_way import Difference as Difference
    from crmkit.core.signing.errors import SecretError as SecretError
    from crmkit.core.signing.standard import (
        new_secret as new_secret,
        sign_webhook as sign_webhook,
        signing_key as signing_key,
    )
    from crmkit.core.simulating.simulation import (
        FieldShift as FieldShift,
        RecordShift as RecordShift,
        ScopeShift as ScopeShift,
        Simulation as Simulation,
    )
    from crmkit.core.stored_names import StoredNames as StoredNames
    from crmkit.core.text import translate as translate, translator as translator, use_locale as use_locale
    from crmkit.core.verbs import Verb as Verb
    from crmkit.core.verbs.calling import (
        NoVerbError as NoVerbError,
        call_verb as call_verb,
        find_verb as find_verb,
        verbs_for as verbs_for,
    )
    from crmkit.core.writing.changes import Write as Write, WriteContext as WriteContext
    from crmkit.core.writing.life import WriteRefusedError as WriteRefusedError
    from crmkit.core.writing.writer import Writer as Writer

_HOMES = {
    "core.approving.deciding": "approve reject",
    "core.approving.entities": "ReportingLine TeamLead",
    "core.approving.listing": "approvals approvals_to_give",
    "core.approving.requesting": "request_approval",
    "core.approving.standing": "ApprovalState",
    "core.automating.automation": "Action Automation Told",
    "core.automating.entities": "AutomationRecord AutomationRun",
    "core.automating.managing": "automations_of find_automation remove_automation save_automation switch_automation",
    "core.automating.templates": "Template",
    "core.automating.trying": "Tried",
    "core.automating.parts": "Assign ByRule Case CreateRecord LeastBusy MoveStage OnCron OnDue OnEvent OnWrite "
    "RoundRobin RunAction SetFields To",
    "core.clock": "Clock FixedClock SystemClock",
    "core.configuration.config": "CommandLine Company Config Database Encryption Files Network",
    "core.content.store": "Content ContentStore",
    "core.crm": "CRM",
    "core.custom_entities.entity": "CustomEntity",
    "core.custom_entities.purging": "PurgedEntity purge_entity",
    "core.custom_fields.converting": "FieldConversion FieldConversionError convert_field",
    "core.custom_fields.declaring": "custom_field",
    "core.custom_fields.entity": "CustomField",
    "core.custom_fields.purging": "purge_field",
    "core.demo": "Demo DemoPart DemoPerson",
    "core.encryption.errors": "EncryptionKeyError SealedValueError",
    "core.encryption.rotating": "FieldKeys Rotation change_data_key change_master_key keys_in_use",
    "core.entity": "ExtensionRecord Owned Pipelined Record any_ref computed entity extension field mixin ref",
    "core.errors": "ConfigurationError ConflictError CrmkitError DeclarationError FieldProblem ForbiddenError "
    "MissingExtraError NotFoundError StaleError StatementRefusedError TryAgainError UnknownEntityError "
    "UnknownFieldError ValidationError",
    "core.events": "Event EveryEvent RecordChanged Span Subscriber Trigger event",
    "core.explaining.explanation": "Explanation",
    "core.fields": "AnyReference Boolean Choice Column ContentHash Date DateTime Decimals Email FieldType File Integer "
    "Json Locale LongText MoneyType MultiChoice Number Option Percent Phone PlainEmail Reference Refused Target Text "
    "TimeZone Url",
    "core.flow": "Cohort Conversion CycleTimes Durations Funnel Lane board conversion cycle_times funnel",
    "core.hooks": "Problem hookimpl",
    "core.ids": "new_id",
    "core.jobs": "DueRecord Job NoArguments RecordSchedule Schedule",
    "core.jobs.context": "WorkContext",
    "core.jobs.errors": "LeaseLostError LoopError",
    "core.jobs.worker": "Worker",
    "core.matching": "MatchKey Matcher",
    "core.merging.choosing": "FieldChoice",
    "core.merging.preview": "MergePlan Repointing",
    "core.merging.unmerge": "Leftover Unmerged",
    "core.migrating.data_steps": "Batch in_batches",
    "core.migrating.encrypting": "decrypt_field encrypt_field index_field",
    "core.migrating.owning": "give_back_entity take_over_entity",
    "core.migrating.renaming": "rename_field",
    "core.migrating.taking_over": "give_back_fields take_over_fields",
    "core.money": "Money",
    "core.network.destinations": "Destination",
    "core.network.errors": "RefusedAddressError",
    "core.network.guard": "NetworkGuard",
    "core.offboarding.handover": "HandedOver Handover",
    "core.offboarding.offboard": "offboard preview_offboarding",
    "core.offboarding.returning": "GivenBack take_back",
    "core.offboarding.succession": "Split Succession",
    "core.pipelines": "Approval EntryTask Guard Move PastPipeline Pipeline Reason Reasons Refusal Stage "
    "UnknownPipelineError UnknownStageError",
    "core.plugins": "Plugin PluginError",
    "core.policy.credentials": "CredentialError",
    "core.policy.people": "Assignment ExchangeRate Membership Team User",
    "core.policy.principal": "Principal",
    "core.policy.roles": "Grant Mask Restriction Role",
    "core.privacy.data_map": "PersonalField personal_data",
    "core.privacy.entities": "LegalHold RetentionRule",
    "core.privacy.erasing": "Erasure erase_person preview_erasure",
    "core.privacy.extent": "ErasedRecords",
    "core.privacy.finishing": "finish_erasures",
    "core.privacy.holding": "LegalHoldError",
    "core.privacy.retaining": "RetentionPlan RetentionRun plan_retention run_retention",
    "core.publishing.carrying": "CarriedOver carry_over plan_carry_over",
    "core.publishing.drafting": "discard_draft draft_of publish_draft save_draft versions_of",
    "core.publishing.entities": "PipelineVersion",
    "core.publishing.trying": "DryRun StageThatGoes try_draft",
    "core.publishing.written": "written_pipeline",
    "core.reading.known_events": "KnownEvent KnownEvents",
    "core.reading.matches": "Matches",
    "core.reading.lists": "Page",
    "core.reading.measures": "average count greatest least total total_by_currency",
    "core.reading.reader": "Reader",
    "core.reading.section_lists": "SectionList",
    "core.reading.timeline": "Timeline TimelineEntry",
    "core.reading.shares": "SharedWith",
    "core.reading.visits": "Visit",
    "core.representing.reading": "read_values",
    "core.representing.records": "represent",
    "core.rules.errors": "RuleError",
    "core.rules.rule": "Rule",
    "core.searching.asking": "SearchTextError",
    "core.searching.hits": "Hit SearchPage Snippet",
    "core.sections": "Section Through TimelinePart",
    "core.text": "translate translator use_locale",
    "core.shipped.deciding": "decide_edit edited_thing local_edits reset_edit",
    "core.shipped.entities": "LocalEdit",
    "core.shipped.kinds": "Edited",
    "core.shipped.roles": "edit_role role_in_effect",
    "core.shipped.settling": "settle_shipped",
    "core.shipped.shipping": "Shipped ShippedKind",
    "core.shipped.three_way": "Difference",
    "core.stored_names": "StoredNames",
    "core.simulating.simulation": "FieldShift RecordShift ScopeShift Simulation",
    "core.writing.changes": "Write WriteContext",
    "core.writing.life": "WriteRefusedError",
    "core.writing.writer": "Writer",
    "core.events.types": "EventType event_types types_of",
    "core.signing.standard": "new_secret sign_webhook signing_key",
    "core.signing.errors": "SecretError",
    "core.forgetting.records": "forget_records",
    "core.inbound": "InboundHook StandardSignature HmacSignature InboundMessage InboundSource",
    "core.inbound.receiving": "inbound_hook take_inbound",
    "core.verbs": "Verb",
    "core.verbs.calling": "NoVerbError call_verb find_verb verbs_for",
    "core.inbound.errors": "SignatureError",
}
_HOME_OF = {name: f"crmkit.{home}" for home, names in _HOMES.items() for name in names.split()}

__version__ = "0.1.0"
__all__ = [
    "CRM",
    "Action",
    "AnyReference",
    "Approval",
    "ApprovalState",
    "Assign",
    "Assignment",
    "Automation",
    "AutomationRecord",
    "AutomationRun",
    "Batch",
    "Boolean",
    "ByRule",
    "CarriedOver",
    "Case",
    "Choice",
    "Clock",
    "Cohort",
    "Column",
    "CommandLine",
    "Company",
    "Config",
    "ConfigurationError",
    "ConflictError",
    "Content",
    "ContentHash",
    "ContentStore",
    "Conversion",
    "CreateRecord",
    "CredentialError",
    "CrmkitError",
    "CustomEntity",
    "CustomField",
    "CycleTimes",
    "Database",
    "Date",
    "DateTime",
    "Decimals",
    "DeclarationError",
    "Demo",
    "DemoPart",
    "DemoPerson",
    "Destination",
    "Difference",
    "DryRun",
    "DueRecord",
    "Durations",
    "Edited",
    "Email",
    "Encryption",
    "EncryptionKeyError",
    "EntryTask",
    "ErasedRecords",
    "Erasure",
    "Event",
    "EventType",
    "EveryEvent",
    "ExchangeRate",
    "Explanation",
    "ExtensionRecord",
    "FieldChoice",
    "FieldConversion",
    "FieldConversionError",
    "FieldKeys",
    "FieldProblem",
    "FieldShift",
    "FieldType",
    "File",
    "Files",
    "FixedClock",
    "ForbiddenError",
    "Funnel",
    "GivenBack",
    "Grant",
    "Guard",
    "HandedOver",
    "Handover",
    "Hit",
    "HmacSignature",
    "InboundHook",
    "InboundMessage",
    "InboundSource",
    "Integer",
    "Job",
    "Json",
    "KnownEvent",
    "KnownEvents",
    "Lane",
    "LeaseLostError",
    "LeastBusy",
    "Leftover",
    "LegalHold",
    "LegalHoldError",
    "LocalEdit",
    "Locale",
    "LongText",
    "LoopError",
    "Mask",
    "MatchKey",
    "Matcher",
    "Matches",
    "Membership",
    "MergePlan",
    "MissingExtraError",
    "Money",
    "MoneyType",
    "Move",
    "MoveStage",
    "MultiChoice",
    "Network",
    "NetworkGuard",
    "NoArguments",
    "NoVerbError",
    "NotFoundError",
    "Number",
    "OnCron",
    "OnDue",
    "OnEvent",
    "OnWrite",
    "Option",
    "Owned",
    "Page",
    "PastPipeline",
    "Percent",
    "PersonalField",
    "Phone",
    "Pipeline",
    "PipelineVersion",
    "Pipelined",
    "PlainEmail",
    "Plugin",
    "PluginError",
    "Principal",
    "Problem",
    "PurgedEntity",
    "Reader",
    "Reason",
    "Reasons",
    "Record",
    "RecordChanged",
    "RecordSchedule",
    "RecordShift",
    "Reference",
    "Refusal",
    "Refused",
    "RefusedAddressError",
    "Repointing",
    "ReportingLine",
    "Restriction",
    "RetentionPlan",
    "RetentionRule",
    "RetentionRun",
    "Role",
    "Rotation",
    "RoundRobin",
    "Rule",
    "RuleError",
    "RunAction",
    "Schedule",
    "ScopeShift",
    "SealedValueError",
    "SearchPage",
    "SearchTextError",
    "SecretError",
    "Section",
    "SectionList",
    "SetFields",
    "SharedWith",
    "Shipped",
    "ShippedKind",
    "SignatureError",
    "Simulation",
    "Snippet",
    "Span",
    "Split",
    "Stage",
    "StageThatGoes",
    "StaleError",
    "StandardSignature",
    "StatementRefusedError",
    "StoredNames",
    "Subscriber",
    "Succession",
    "SystemClock",
    "Target",
    "Team",
    "TeamLead",
    "Template",
    "Text",
    "Through",
    "TimeZone",
    "Timeline",
    "TimelineEntry",
    "TimelinePart",
    "To",
    "Told",
    "Tried",
    "Trigger",
    "TryAgainError",
    "UnknownEntityError",
    "UnknownFieldError",
    "UnknownPipelineError",
    "UnknownStageError",
    "Unmerged",
    "Url",
    "User",
    "ValidationError",
    "Verb",
    "Visit",
    "WorkContext",
    "Worker",
    "Write",
    "WriteContext",
    "WriteRefusedError",
    "Writer",
    "any_ref",
    "approvals",
    "approvals_to_give",
    "approve",
    "automations_of",
    "average",
    "board",
    "call_verb",
    "carry_over",
    "change_data_key",
    "change_master_key",
    "computed",
    "conversion",
    "convert_field",
    "count",
    "custom_field",
    "cycle_times",
    "decide_edit",
    "decrypt_field",
    "discard_draft",
    "draft_of",
    "edit_role",
    "edited_thing",
    "encrypt_field",
    "entity",
    "erase_person",
    "event",
    "event_types",
    "extension",
    "field",
    "find_automation",
    "find_verb",
    "finish_erasures",
    "forget_records",
    "funnel",
    "give_back_entity",
    "give_back_fields",
    "greatest",
    "hookimpl",
    "in_batches",
    "inbound_hook",
    "index_field",
    "keys_in_use",
    "least",
    "local_edits",
    "mixin",
    "new_id",
    "new_secret",
    "offboard",
    "personal_data",
    "plan_carry_over",
    "plan_retention",
    "preview_erasure",
    "preview_offboarding",
    "publish_draft",
    "purge_entity",
    "purge_field",
    "read_values",
    "ref",
    "reject",
    "remove_automation",
    "rename_field",
    "represent",
    "request_approval",
    "reset_edit",
    "role_in_effect",
    "run_retention",
    "save_automation",
    "save_draft",
    "settle_shipped",
    "sign_webhook",
    "signing_key",
    "switch_automation",
    "take_back",
    "take_inbound",
    "take_over_entity",
    "take_over_fields",
    "total",
    "total_by_currency",
    "translate",
    "translator",
    "try_draft",
    "types_of",
    "use_locale",
    "verbs_for",
    "versions_of",
    "written_pipeline",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'crmkit' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOME_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return __all__
