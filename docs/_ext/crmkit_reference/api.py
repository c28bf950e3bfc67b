"""The reference of the public API: every name that a plugin may import, in groups."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module

# By module: the groups of its names. A test fails for a name that stands in none of them.
GROUPS: Mapping[str, Mapping[str, str]] = {
    "crmkit": {
        "Plugins and hooks": "Plugin PluginError hookimpl Write WriteContext Problem WriteRefusedError",
        "Revisions": "in_batches Batch rename_field encrypt_field decrypt_field index_field take_over_fields "
        "give_back_fields take_over_entity give_back_entity custom_field",
        "Entities": "entity extension mixin field ref any_ref computed Record Owned Pipelined ExtensionRecord "
        "Target Money new_id",
        "Types of fields": "FieldType Column Refused AnyReference Boolean Choice Date DateTime Decimals Email File "
        "Integer Json Locale LongText MoneyType MultiChoice Number Option Percent Phone PlainEmail Reference Text "
        "TimeZone Url",
        "Pipelines": "Pipeline PastPipeline Stage Move Guard EntryTask Reason Reasons Refusal UnknownPipelineError "
        "UnknownStageError",
        "Approvals": "Approval request_approval approve reject approvals approvals_to_give ApprovalState TeamLead "
        "ReportingLine",
        "Flow through pipelines": "board funnel Funnel Lane cycle_times CycleTimes Durations conversion "
        "Conversion Cohort",
        "Pipelines made at run time": "written_pipeline save_draft draft_of try_draft DryRun StageThatGoes "
        "publish_draft discard_draft carry_over plan_carry_over CarriedOver versions_of PipelineVersion",
        "Local edits of what plugins ship": "edit_role role_in_effect local_edits edited_thing decide_edit reset_edit "
        "Edited Difference LocalEdit Shipped ShippedKind settle_shipped "
        "StoredNames",
        "Who may do what": "Role Grant Mask Restriction Principal User Team Membership Assignment",
        "Leaving": "offboard preview_offboarding take_back Succession Split Handover HandedOver GivenBack",
        "A CRM": "CRM Config Company Database Files CommandLine Explanation Clock SystemClock FixedClock",
        "Content": "Content ContentHash ContentStore",
        "Simulating": "Simulation RecordShift FieldShift ScopeShift",
        "Reading": "Reader Page Visit SharedWith SectionList Timeline TimelineEntry KnownEvent KnownEvents "
        "Rule RuleError count total total_by_currency average least greatest",
        "Searching": "Hit SearchPage Snippet SearchTextError",
        "Records as JSON": "represent read_values",
        "Sections and time lines": "Section TimelinePart Through",
        "Writing": "Writer ExchangeRate",
        "Matching": "Matcher MatchKey Matches",
        "Privacy": "personal_data PersonalField preview_erasure erase_person Erasure ErasedRecords finish_erasures "
        "LegalHold LegalHoldError RetentionRule plan_retention RetentionPlan run_retention RetentionRun "
        "forget_records",
        "Encrypted fields": "Encryption change_master_key change_data_key Rotation keys_in_use FieldKeys "
        "EncryptionKeyError SealedValueError",
        "Merging": "MergePlan FieldChoice Repointing Unmerged Leftover",
        "Automations": "Automation Action AutomationRecord AutomationRun Tried OnWrite OnEvent OnCron OnDue SetFields "
        "CreateRecord MoveStage Assign RunAction To RoundRobin LeastBusy ByRule Case automations_of find_automation "
        "save_automation remove_automation switch_automation Template Told",
        "Events and jobs": "event Event Trigger Subscriber RecordChanged EveryEvent Span event_types EventType "
        "types_of Job NoArguments Schedule RecordSchedule "
        "DueRecord WorkContext Worker LeaseLostError LoopError",
        "Verbs": "Verb call_verb find_verb verbs_for NoVerbError",
        "Messages of other programs": "InboundHook StandardSignature HmacSignature InboundMessage InboundSource "
        "inbound_hook take_inbound SignatureError",
        "Reaching out": "NetworkGuard Destination RefusedAddressError Network new_secret signing_key sign_webhook "
        "SecretError",
        "Fields made at run time": "CustomEntity CustomField convert_field FieldConversion FieldConversionError "
        "purge_field purge_entity PurgedEntity",
        "Texts": "translator translate use_locale",
        "Errors": "CrmkitError ConfigurationError ConflictError DeclarationError FieldProblem ForbiddenError "
        "CredentialError MissingExtraError NotFoundError StaleError StatementRefusedError TryAgainError "
        "UnknownEntityError UnknownFieldError ValidationError",
        "The demo company": "Demo DemoPart DemoPerson",
    },
    "crmkit.testing": {
        "Testing": "CRMMaker Factory NOON People PluginConformance Session both_databases play plugin",
    },
}
# What else a reader and a writer have is for crmkit's own steps.
_MEMBERS: Mapping[str, str] = {
    "Reader": "find page stream get get_many count aggregate expand visible execute extension extensions history "
    "sections timeline jobs visits visible_visits visible_money shares matches may pipelines entity "
    "readable_fields currency in_base moment network",
    "Writer": "create create_many update update_many delete delete_many restore transfer transfer_many move move_many "
    "change_pipeline change_pipeline_many share share_many unshare unshare_many merge merge_preview "
    "unmerge enqueue wake external attempt now",
    "WorkContext": "read write finish enqueue progress heartbeat is_stopping network company id name attempt depth "
    "cause now principal",
    "Worker": "run run_until_idle step do next_due circuits close",
    "Event": "id",
    "NetworkGuard": "check resolve",
    "WriteContext": "entered_stage create update",
    "CRM": "principal read write system explain simulate refresh close",
}
# What is no class and no function has no docstring of its own.
_DATA: Mapping[str, str] = {
    "hookimpl": "The decorator of a function in ``hooks.py`` that answers the hook of its name.",
    "NOON": "When it is in tests that say nothing else: a Monday, %s.",
    "both_databases": "A decorator: the test runs on SQLite and on PostgreSQL, by way of the fixture ``database``.",
}


def render() -> str:
    """Return a section for every group, in which autodoc describes each name."""
    sections = [
        _section(module, title, names.split()) for module, groups in GROUPS.items() for title, names in groups.items()
    ]
    return "\n".join(sections)


def grouped(module: str) -> list[str]:
    """Return the names of *module* that stand in a group."""
    return [name for names in GROUPS[module].values() for name in names.split()]


def members() -> Iterator[tuple[str, str]]:
    """Yield class and name of every member that is described for itself."""
    for cls, names in _MEMBERS.items():
        yield from ((cls, name) for name in names.split())


def _section(module: str, title: str, names: Iterable[str]) -> str:
    parts = "\n".join(_directive(module, name) for name in names)
    return f"\n## {title}\n\n```{{eval-rst}}\n{parts}\n```\n"


def _directive(module: str, name: str) -> str:
    found = getattr(import_module(module), name)
    if name in _DATA:
        return f".. py:data:: {module}.{name}\n\n   {_DATA[name].replace('%s', str(found))}\n"
    if not inspect.isclass(found):
        return f".. autofunction:: {module}.{name}\n"
    kind = "autoexception" if issubclass(found, Exception) else "autoclass"
    own = ", ".join(_MEMBERS.get(name, "").split())
    return f".. {kind}:: {module}.{name}\n   :members: {own}".rstrip() + "\n   :show-inheritance:\n"
