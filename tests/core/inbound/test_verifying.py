"""Messages of other programs: proved by who has the secret, just now; and by nobody else."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from crmkit import DeclarationError, HmacSignature, SignatureError, StandardSignature, new_secret
from crmkit.core.inbound.verifying import verify

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
BODY = b'{"name": "Anna"}'


def signed(secret, *, id="msg_1", at=NOW, body=BODY):
    """Return the headers that a sender with the library of Standard Webhooks makes."""
    return {
        "webhook-id": id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(id, at, body.decode()),
    }


def test_message_of_another_sender_of_standard_webhooks_is_accepted_by_each_secret_that_counts():
    old, new = new_secret(), new_secret()
    for secret in (old, new):
        assert verify(StandardSignature(), [new, old], signed(secret), BODY, NOW) == "msg_1"
    several = " ".join(signed(secret)["webhook-signature"] for secret in (new_secret(), old))
    both = signed(new) | {"webhook-signature": several}
    assert verify(StandardSignature(), [old], both, BODY, NOW) == "msg_1"


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_2"},
        {"webhook-id": ""},
        {"webhook-id": "x" * 300},
        {"webhook-timestamp": "1772452801"},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "１７７２４５２８００"},
        {"webhook-timestamp": "9" * 30},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,####"},
        {"webhook-signature": "v1a,AAAA"},
        {"webhook-signature": "v1,é"},
    ],
)
def test_message_that_was_changed_is_refused(change):
    secret = new_secret()
    with pytest.raises(SignatureError):
        verify(StandardSignature(), [secret], signed(secret) | change, BODY, NOW)
    with pytest.raises(SignatureError):
        verify(StandardSignature(), [secret], {k: v for k, v in signed(secret).items() if k not in change}, BODY, NOW)
    with pytest.raises(SignatureError):
        verify(StandardSignature(), [secret], signed(secret), BODY + b" ", NOW)
    with pytest.raises(SignatureError):
        verify(StandardSignature(), [], signed(secret), BODY, NOW)
    with pytest.raises(SignatureError):
        verify(StandardSignature(), ["no secret"], signed(secret), BODY, NOW)


@pytest.mark.parametrize(("minutes", "is_timely"), [(-6, False), (-4, True), (0, True), (4, True), (6, False)])
def test_message_counts_for_five_minutes(minutes, is_timely):
    secret = new_secret()
    headers = signed(secret, at=NOW + timedelta(minutes=minutes))
    if is_timely:
        assert verify(StandardSignature(), [secret], headers, BODY, NOW)
    else:
        with pytest.raises(SignatureError):
            verify(StandardSignature(), [secret], headers, BODY, NOW)


def test_signature_as_github_makes_it_is_accepted():
    """The example of GitHub's documentation."""
    how = HmacSignature("X-Hub-Signature-256", prefix="sha256=", id_header="X-GitHub-Delivery")
    headers = {
        "x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        "x-github-delivery": "72d3162e",
    }
    assert verify(how, ["It's a Secret to Everybody"], headers, b"Hello, World!", NOW) == "72d3162e"
    for wrong in ({"x-hub-signature-256": headers["x-hub-signature-256"][7:]}, {"x-github-delivery": ""}):
        with pytest.raises(SignatureError):
            verify(how, ["It's a Secret to Everybody"], headers | wrong, b"Hello, World!", NOW)


def test_signature_with_a_time_counts_for_five_minutes_and_without_an_id_the_body_is_one():
    how = HmacSignature("x-signature", algorithm="sha512", encoding="base64", time_header="x-time")
    seconds = str(int(NOW.timestamp()))
    proof = base64.b64encode(hmac.digest(b"secret", f"{seconds}.".encode() + BODY, "sha512")).decode()
    headers = {"x-signature": proof, "x-time": seconds}
    assert verify(how, ["secret"], headers, BODY, NOW) == hashlib.sha256(f"{seconds}.".encode() + BODY).hexdigest()
    with pytest.raises(SignatureError):
        verify(how, ["secret"], headers, BODY, NOW + timedelta(minutes=6))
    with pytest.raises(SignatureError):
        verify(how, ["secret"], headers | {"x-time": str(int(seconds) + 1)}, BODY, NOW)


def test_header_that_cannot_be_one_is_refused():
    with pytest.raises(DeclarationError):
        HmacSignature("x signature")
