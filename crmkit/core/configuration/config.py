"""The settings of one CRM, as values that are checked when they are made.

Reading them from ``crm.toml`` and the environment is :mod:`crmkit.core.configuration.settings`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import attrs

from crmkit.core.configuration import checks as check
from crmkit.core.errors import ConfigurationError
from crmkit.core.text import Text, gettext as _

__all__ = [
    "Auth",
    "Backup",
    "Broker",
    "CommandLine",
    "Company",
    "Config",
    "Database",
    "Encryption",
    "Files",
    "Keeping",
    "Log",
    "Network",
    "OpenIdConnect",
    "Server",
    "SettingInfo",
    "Trust",
    "setting_info",
]

_INFO = "crmkit"
# Nothing, the password in a URL, or the whole value.
Secrecy = Literal["", "password", "whole"]


@attrs.frozen
class SettingInfo:
    """What is known of a setting beside its type: its help, what of it is secret, other variables that give it."""

    help: Text
    secret: Secrecy = ""
    aliases: tuple[str, ...] = ()


def setting_info(attribute: attrs.Attribute[Any]) -> SettingInfo:
    """Return what :func:`_setting` was told about *attribute*."""
    info: SettingInfo = attribute.metadata[_INFO]
    return info


def _setting(
    default: Any,
    help: Text,
    *,
    checked: Callable[[Any], None] | None = None,
    secret: Secrecy = "",
    aliases: tuple[str, ...] = (),
) -> Any:
    def validate(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        try:
            if checked is not None:
                checked(value)
        except check.Unacceptable as error:
            where = f"{instance.__section__}.{attribute.name}"
            raise ConfigurationError(where, error.message, **error.facts) from None

    info = SettingInfo(help, secret, aliases)
    return attrs.field(default=default, validator=validate, metadata={_INFO: info})


@attrs.frozen
class Company:
    """Whose CRM it is."""

    __section__ = "company"

    name: str = _setting("My company", _("What the company is called."), checked=check.name)
    currency: str = _setting(
        "EUR", _("The currency of totals: an ISO 4217 code, such as EUR or CNY."), checked=check.currency
    )
    time_zone: str = _setting(
        "UTC",
        _("The time zone in which the company's days begin: an IANA name, such as Europe/Berlin."),
        checked=check.time_zone,
    )
    locale: str = _setting(
        "en", _("The language of texts that concern nobody in particular: such as en or zh_CN."), checked=check.locale
    )


@attrs.frozen
class Database:
    """Where the records are."""

    __section__ = "database"

    url: str = _setting(
        "sqlite:///crm.db",
        _(
            "Where the records are: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME. "
            "A relative FILE lies beside crm.toml."
        ),
        checked=check.database_url,
        secret="password",
        aliases=("DATABASE_URL",),
    )
    pool_size: int = _setting(8, _("How many connections stay open."), checked=check.positive)


@attrs.frozen
class Files:
    """Where the content of files is."""

    __section__ = "files"

    folder: str = _setting(
        "files",
        _("Where the content of files is: a folder, beside crm.toml if it is relative, or s3://BUCKET/PREFIX."),
    )
    endpoint: str | None = _setting(
        None, _("The server of the bucket, where it is not Amazon's: an http or https URL.")
    )
    most_megabytes: int = _setting(50, _("How large one file may be, in millions of bytes."), checked=check.positive)


@attrs.frozen
class CommandLine:
    """What the command line takes for granted."""

    __section__ = "cli"

    user: str | None = _setting(
        None,
        _("Who acts on the command line unless --as says otherwise: a user's name, e-mail address or id."),
        aliases=("CRM_USER",),
    )


@attrs.frozen
class Backup:
    """How backups are made."""

    __section__ = "backup"

    passphrase: str | None = _setting(None, _("What encrypts backups, unless --key-file names a file."), secret="whole")


@attrs.frozen
class Encryption:
    """What encrypts fields that are declared so."""

    __section__ = "encryption"

    keys: str | None = _setting(
        None,
        _("The keys of encrypted fields, as NAME:KEY with spaces between: the first is used, the others still read."),
        checked=check.encryption_keys,
        secret="whole",
    )


@attrs.frozen
class Broker:
    """What carries work to workers of Celery."""

    __section__ = "celery"

    broker: str | None = _setting(
        None,
        _("What carries work to workers of Celery: redis://HOST/0 or amqp://USER:PASSWORD@HOST/VHOST."),
        checked=check.broker_url,
        secret="password",
    )
    queue: str = _setting("crmkit", _("The queue of this CRM on the broker; no two share one."), checked=check.queue)


@attrs.frozen
class Keeping:
    """For how long what is done is kept."""

    __section__ = "keep"

    job_days: int = _setting(30, _("For how many days jobs are kept after they are done."), checked=check.positive)
    run_days: int = _setting(180, _("For how many days runs of automations are kept."), checked=check.positive)
    outbox_days: int = _setting(
        30,
        _("For how many days the outbox keeps what was written together, once everybody is told of it."),
        checked=check.positive,
    )


@attrs.frozen
class Network:
    """Where crmkit may send something when somebody names a URL."""

    __section__ = "network"

    allow: list[str] = _setting(  # noqa: RUF009
        [],
        _("Networks beside the internet that webhooks may reach, by http too: such as 10.20.0.0/16."),
        checked=check.networks,
    )


@attrs.frozen
class Log:
    """How servers and workers tell what they do."""

    __section__ = "log"

    format: str = _setting(
        "auto",
        _("What lines of the log look like: json, console, or auto, which is json unless a terminal shows them."),
        checked=check.one_of("auto", "json", "console"),
    )
    level: str = _setting(
        "info",
        _("What is logged: debug, info, warning or error, and what is worse."),
        checked=check.one_of("debug", "info", "warning", "error"),
    )


@attrs.frozen
class Server:
    """How the CRM is served over HTTP."""

    __section__ = "server"

    host: str = _setting("127.0.0.1", _("The address on which the server listens."))
    port: int = _setting(8000, _("The port on which the server listens."), checked=check.port)
    public_origin: str | None = _setting(
        None, _("Under which address people reach the server: such as https://crm.example.org."), checked=check.origin
    )
    trusted_hosts: list[str] = _setting(  # noqa: RUF009
        [], _("Further names of hosts under which the server may be asked.")
    )
    proxies: list[str] = _setting(  # noqa: RUF009
        [],
        _("The addresses or networks of proxies in front, which say from where a request comes: such as 127.0.0.1."),
        checked=check.networks,
    )
    threads: int = _setting(
        8, _("How many requests each process of the server answers at once."), checked=check.positive
    )
    most_megabytes: int = _setting(
        10, _("How large the body of a request may be, in millions of bytes."), checked=check.positive
    )
    streams: int = _setting(
        2000, _("How many streams of events each process of the server keeps open."), checked=check.positive
    )
    requests_per_minute: int = _setting(
        6000,
        _("How often one user may ask each process of the server within a minute; 0 is no limit."),
        checked=check.not_negative,
    )

    @property
    def origin(self) -> str:
        """The origin of the server: where people reach it, or else this machine. What a request says is no matter."""
        return self.public_origin or self.address

    @property
    def address(self) -> str:
        """The address on which the server itself listens."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


@attrs.frozen
class Auth:
    """How people sign in."""

    __section__ = "auth"

    password_length: int = _setting(
        12, _("How many characters a password has at least; 8 is the least."), checked=check.password_length
    )
    idle_minutes: int = _setting(60, _("After how many minutes without use a session ends."), checked=check.positive)
    session_hours: int = _setting(
        12, _("After how many hours a session ends, however much it is used."), checked=check.positive
    )
    second_factor: list[str] = _setting(  # noqa: RUF009
        [], _("Whose sign-in needs a second factor: ids of roles, or * for everybody. Who has one always needs it.")
    )


@attrs.frozen
class OpenIdConnect:
    """With which provider of OpenID Connect people sign in."""

    __section__ = "openid"

    issuer: str | None = _setting(
        None, _("The provider with which people sign in: its issuer, such as https://login.example.org.")
    )
    client_id: str | None = _setting(None, _("The id that the provider has given to this CRM."))
    client_secret: str | None = _setting(
        None, _("The secret that the provider has given to this CRM, where it has given one."), secret="whole"
    )
    label: str = _setting("OpenID Connect", _("What people call the provider."))
    scope: str = _setting("openid email profile", _("What the provider is asked for."))
    by_email: bool = _setting(
        False, _("Whether people are known at first by an e-mail address that the provider has verified.")
    )


@attrs.frozen
class Trust:
    """Whose code may run here."""

    __section__ = "trust"

    plugins: list[str] = _setting(  # noqa: RUF009
        [],
        _("Where any are listed, no other plugins load: NAME=sha256:…, as crmkit plugin hash prints it."),
        checked=check.hashes,
    )


@attrs.frozen
class Config:
    """Everything that ``crm.toml`` may say."""

    company: Company = attrs.field(factory=Company)
    database: Database = attrs.field(factory=Database)
    plugins: Sequence[str] = attrs.field(
        factory=list, metadata={_INFO: SettingInfo(_("The plugins that are enabled, in any order."))}
    )
    files: Files = attrs.field(factory=Files)
    auth: Auth = attrs.field(factory=Auth)
    openid: OpenIdConnect = attrs.field(factory=OpenIdConnect)
    trust: Trust = attrs.field(factory=Trust)
    cli: CommandLine = attrs.field(factory=CommandLine)
    backup: Backup = attrs.field(factory=Backup)
    encryption: Encryption = attrs.field(factory=Encryption)
    celery: Broker = attrs.field(factory=Broker)
    keep: Keeping = attrs.field(factory=Keeping)
    network: Network = attrs.field(factory=Network)
    log: Log = attrs.field(factory=Log)
    server: Server = attrs.field(factory=Server)
