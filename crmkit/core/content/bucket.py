"""Content in a bucket of Amazon S3, or of anything that speaks its protocol; needs the extra ``s3``."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from crmkit.core.content.errors import ContentMissingError
from crmkit.core.content.places import is_hash, key_of

if TYPE_CHECKING:
    from obstore.store import S3Store

__all__ = ["Bucket"]


class Bucket:
    """A bucket, or what begins with a prefix in it: ``s3://bucket/prefix``.

    Keys and region come from the variables that other programs take them from: ``AWS_ACCESS_KEY_ID``,
    ``AWS_SECRET_ACCESS_KEY``, ``AWS_SESSION_TOKEN`` and ``AWS_REGION``; without keys, from the machine's own role.
    """

    def __init__(self, url: str, endpoint: str | None = None) -> None:
        """Use the bucket at *url*, on Amazon's servers or at *endpoint*."""
        self._url, self._endpoint = url, endpoint

    @cached_property
    def _store(self) -> S3Store:
        from obstore.store import S3Store

        names = ("access_key_id", "secret_access_key", "session_token", "region")
        given: dict[str, Any] = {name: value for name in names if (value := os.environ.get(f"AWS_{name.upper()}"))}
        if self._endpoint is not None:
            given |= {"endpoint": self._endpoint}
            given |= {"client_options": {"allow_http": self._endpoint.startswith("http://")}}
        return S3Store.from_url(self._url, **given)

    def incoming(self) -> Path:
        """Return a path in the machine's folder for what passes."""
        handle, path = tempfile.mkstemp(prefix="crmkit-")
        os.close(handle)
        return Path(path)

    def keep(self, incoming: Path, hash_: str) -> None:
        """Upload *incoming*; there is all of it or nothing."""
        import obstore

        obstore.put(self._store, key_of(hash_), incoming)

    def open(self, hash_: str) -> BinaryIO:
        """Return a copy on this machine, which is gone when it is closed: what is checked is what is read.

        Raises:
            ContentMissingError: there is none.
        """
        import obstore

        try:
            found = obstore.get(self._store, key_of(hash_))
        except FileNotFoundError:
            raise ContentMissingError(hash_) from None
        copy = tempfile.TemporaryFile(prefix="crmkit-")  # noqa: SIM115
        try:
            for chunk in found.stream():
                copy.write(chunk)
        except BaseException:
            copy.close()
            raise
        copy.seek(0)
        return copy

    def age(self, hash_: str) -> float | None:
        """Return the time of its last upload."""
        import obstore

        try:
            return obstore.head(self._store, key_of(hash_))["last_modified"].timestamp()
        except FileNotFoundError:
            return None

    def hashes(self, before: float) -> Iterator[str]:
        """Yield the last parts of older keys that are hashes."""
        import obstore

        for page in obstore.list(self._store):
            for found in page:
                name = found["path"].rpartition("/")[2]
                if is_hash(name) and found["last_modified"].timestamp() < before:
                    yield name

    def remove(self, hash_: str) -> None:
        """Delete the object."""
        import obstore

        obstore.delete(self._store, key_of(hash_))

    def tidy(self, before: float) -> int:
        """Return 0: let a lifecycle rule of the bucket abort uploads that broke off."""
        return 0
