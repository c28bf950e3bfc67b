"""The one page that signing in needs before anybody has a password: where a link leads that sets one."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import TYPE_CHECKING

from crmkit.core.text import gettext as _, translate
from crmkit.rest.replies import Reply

if TYPE_CHECKING:
    from crmkit.rest.calls import Call

__all__ = ["password_page"]

_SCRIPT = """
const form = document.querySelector("form"), told = document.querySelector("output");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = JSON.stringify({ticket: location.hash.slice(1), password: form.password.value});
  const headers = {"content-type": "application/json"};
  const answer = await fetch("/api/v1/sign-in/invitation", {method: "POST", headers, body});
  if (answer.ok) { form.hidden = true; history.replaceState(null, "", location.pathname); }
  const problem = answer.ok ? {} : await answer.json();
  const reasons = (problem.errors || []).map((each) => each.message).join("; ");
  told.textContent = answer.ok ? form.dataset.done : reasons || problem.detail;
});
"""
_STYLE = (
    "body{font:1rem/1.5 system-ui;max-width:24rem;margin:4rem auto;padding:0 1rem}input,button{font:inherit;width:100%}"
)


def password_page(call: Call) -> Reply:
    """Show the page on which somebody sets a password."""
    company = call.crm.config.company
    heading, label, button, done = (translate(text, company.locale) for text in _TEXTS)
    body = (
        f'<!doctype html><html lang="{escape(company.locale.replace("_", "-"))}"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(company.name)}</title>'
        f"<style>{_STYLE}</style><h1>{escape(heading)}</h1>"
        f'<form data-done="{escape(done)}"><label>{escape(label)} <input name="password" type="password" '
        f'autocomplete="new-password" required minlength="{call.crm.config.auth.password_length}"></label>'
        f"<p><button>{escape(button)}</button></form><output></output><script>{_SCRIPT}</script></html>"
    )
    policy = (
        f"default-src 'none'; script-src {_hashed(_SCRIPT)}; style-src {_hashed(_STYLE)}; connect-src 'self'; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )
    headers = {"content-security-policy": policy, "referrer-policy": "no-referrer", "cache-control": "no-store"}
    return Reply(200, body.encode(), "text/html; charset=utf-8", headers)


def _hashed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_TEXTS = (
    _("Set your password"),
    _("New password"),
    _("Set it"),
    _("Your password is set. You can sign in with it now."),
)
