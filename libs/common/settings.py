"""Settings come from the environment and are checked whole, once, before anything starts.

Every wrong or missing variable is named in one error; values are never shown.
"""

import base64
import os
import string
import sys
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    FilePath,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from libs.common.database.tls import is_never_plain, tls_parameters
from libs.common.errors import ConfigurationError

EXIT_CONFIGURATION = 78
"""EX_CONFIG of sysexits.h."""

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_KEY_BYTES = 32
_MIN_DIFFERENT_STEPS = 12
_AROUND = "".join((string.whitespace, "\ufeff\u00a0\u200b"))
_BROKER_FILES = {"cafile", "certfile", "keyfile"}
DATABASE_WITHOUT_TLS = "must have sslmode=require, verify-ca or verify-full in production"


def is_loopback(url: str) -> bool:
    return (urlsplit(url).hostname or "") in _LOOPBACK


def is_in_the_clear(url: str, internal_tls: str) -> bool:
    """Whether calls to `url` would leave this machine unencrypted."""
    return not (url.startswith("https://") or internal_tls == "mesh" or is_loopback(url))


def _with_scheme(*schemes: str) -> AfterValidator:
    def check(value: SecretStr | str) -> SecretStr | str:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        parts = urlsplit(text)
        if parts.scheme not in schemes or not parts.hostname:
            raise ValueError(f"must be a URL that begins with {' or '.join(schemes)}://")
        return value

    return AfterValidator(check)


def _without_slash(value: str) -> str:
    return value.rstrip("/")


def _without_path(value: str) -> str:
    parts = urlsplit(value)
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must be an origin: scheme, host and port, nothing else")
    return value


def comma_separated(value: Any) -> Any:
    if isinstance(value, str):
        return [item.strip() for item in value.split(",") if item.strip()]
    return value


def key_from_base64(text: str) -> bytes:
    """The 32 bytes in `text`; ValueError otherwise, without the text in it."""
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise ValueError(f"must be base64 of exactly {_KEY_BYTES} bytes")
    return key


def _secret_key(value: SecretStr) -> SecretStr:
    key_from_base64(value.get_secret_value())
    return value


def _named_public_keys(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    keys = {}
    for item in comma_separated(value):
        name, separator, key = item.partition("=")
        if not separator:
            raise ValueError("must be NAME=BASE64 pairs, separated by commas")
        key_from_base64(key)
        keys[name] = key
    return keys


def _database_tls(value: SecretStr) -> SecretStr:
    tls_parameters(value.get_secret_value())
    return value


def _broker_tls(value: SecretStr) -> SecretStr:
    """The driver verifies the broker's certificate, and its name, unless it is told not to."""
    query = parse_qs(urlsplit(value.get_secret_value()).query, keep_blank_values=True)
    if "no_verify_ssl" in query:
        raise ValueError("must not have no_verify_ssl: name the authority in cafile instead")
    for name in _BROKER_FILES & set(query):
        if len(query[name]) > 1 or not os.access(query[name][0], os.R_OK):
            raise ValueError(f"must name one file that can be read in {name}")
    return value


def is_one_word(secret: str) -> bool:
    """Whether `secret` has no white space, no control and no invisible characters."""
    return secret.isprintable() and not any(map(str.isspace, secret))


def _secrets_in(value: Any) -> Iterator[SecretStr]:
    if isinstance(value, SecretStr):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _secrets_in(item)


def is_guessable(secret: str) -> bool:
    """Whether `secret` was typed and not drawn: few characters, repeated, or in their order.

    Counts the different steps between neighbours that are no repetition and no next character: a
    random text of 32 hexadecimal digits has about 24.
    """
    steps = {pair for pair in pairwise(secret) if abs(ord(pair[0]) - ord(pair[1])) > 1}
    return len(steps) < _MIN_DIFFERENT_STEPS


DatabaseUrl = Annotated[SecretStr, _with_scheme("postgresql"), AfterValidator(_database_tls)]
BrokerUrl = Annotated[SecretStr, _with_scheme("amqp", "amqps"), AfterValidator(_broker_tls)]
RedisUrl = Annotated[SecretStr, _with_scheme("redis", "rediss")]
HttpUrl = Annotated[str, _with_scheme("http", "https"), AfterValidator(_without_slash)]
InternalUrl = Annotated[HttpUrl, AfterValidator(_without_path), "internal"]
"""Of another service of ours: an origin, because a caller's token is for the path as it is sent."""

SecretKey = Annotated[SecretStr, AfterValidator(_secret_key)]
SecretList = Annotated[list[SecretStr], NoDecode, BeforeValidator(comma_separated)]
PublicKeys = Annotated[dict[str, str], NoDecode, BeforeValidator(_named_public_keys)]


class ServiceSettings(BaseSettings):
    """What every service needs. A service adds its own in `services/<name>/settings.py`."""

    model_config = SettingsConfigDict(
        case_sensitive=False,
        # docker-compose hands over an empty text for what is not set.
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    environment: Literal["development", "production", "test"] = "development"
    host: str = "127.0.0.1"
    port: int = Field(ge=0, le=65535)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    database_url: DatabaseUrl
    database_pool_size: int = Field(default=10, ge=1, le=20)

    @field_validator("*")
    @classmethod
    def _secrets_are_one_word(cls, value: Any) -> Any:
        """A secret that was pasted with a line end in it signs nothing that others sign."""
        if any(not is_one_word(secret.get_secret_value()) for secret in _secrets_in(value)):
            raise ValueError("must hold no white space and no control characters")
        return value

    def event_hash_secret(self) -> SecretStr:
        """What keys the hashes in security events: a secret that every replica has."""
        return self.database_url

    def wrong_in_production(self) -> Mapping[str, str]:
        """Variable to reason, for what is fit for a laptop and not for production."""
        if is_never_plain(self.database_url.get_secret_value()):
            return {}
        return {"DATABASE_URL": DATABASE_WITHOUT_TLS}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read and check all of it.

        Raises ConfigurationError that names every wrong variable at once.
        """
        return _load(cls, os.environ if environment is None else environment)


class CallingServiceSettings(ServiceSettings):
    """For a service that calls others. `internal_ca_file` holds who signs their certificates.

    `internal_tls` says who encrypts such calls: this process, or a mesh that stands around it.
    """

    internal_tls: Literal["https", "mesh"] = "https"
    internal_ca_file: FilePath | None = None
    caller_private_key: SecretKey
    caller_public_keys: PublicKeys

    def wrong_in_production(self) -> Mapping[str, str]:
        wrong = dict(super().wrong_in_production())
        for name, field in type(self).model_fields.items():
            is_internal = "internal" in field.metadata
            if is_internal and is_in_the_clear(getattr(self, name), self.internal_tls):
                wrong[name.upper()] = "must be https in production, unless INTERNAL_TLS is mesh"
        return wrong


_Settings = TypeVar("_Settings", bound=ServiceSettings)


def trimmed(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` without the white space, line ends or byte order mark around its values.

    A secret that was read from a file ends with the file's last line end.
    """
    return {name: value.strip(_AROUND) for name, value in environment.items()}


def _load(cls: type[_Settings], environment: Mapping[str, str]) -> _Settings:
    given = {name.lower(): value for name, value in trimmed(environment).items()}
    known = {name: given[name] for name in cls.model_fields if given.get(name, "") != ""}
    try:
        settings = cls.model_validate(known)
    except ValidationError as error:
        raise _configuration_error(
            {str(item["loc"][0]).upper(): _reason(item) for item in error.errors()}
        ) from None
    if settings.environment == "production" and (wrong := settings.wrong_in_production()):
        raise _configuration_error(wrong)
    return settings


def _reason(item: Any) -> str:
    if item["type"] == "missing":
        return "is missing"
    return str(item["msg"]).removeprefix("Value error, ")


def _configuration_error(wrong: Mapping[str, str]) -> ConfigurationError:
    lines = "".join(f"\n  {name}: {reason}" for name, reason in sorted(wrong.items()))
    return ConfigurationError(
        f"{len(wrong)} setting(s) must be put right before this can start:{lines}",
        variables=sorted(wrong),
    )


def settings_or_exit(cls: type[_Settings]) -> _Settings:
    """For `if __name__ == "__main__"`: the settings, or the whole list of faults and exit 78."""
    try:
        return cls.from_environment()
    except ConfigurationError as error:
        print(error.message, file=sys.stderr)
        raise SystemExit(EXIT_CONFIGURATION) from None
