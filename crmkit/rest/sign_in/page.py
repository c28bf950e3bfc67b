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
  told.textContent = "";
  const body = JSON.stringify({ticket: location.hash.slice(1), password: form.password.value});
  const headers = {"content-type": "application/json"};
  const request = fetch("/api/v1/sign-in/invitation", {method: "POST", headers, body});
  const answer = await request.catch(() => null);
  if (!answer) { told.textContent = form.dataset.away; return; }
  if (answer.ok) { form.hidden = true; history.replaceState(null, "", location.pathname); }
  const problem = answer.ok ? {} : await answer.json();
  const reasons = (problem.errors || []).map((each) => each.message).join("; ");
  told.className = answer.ok ? "" : "bad";
  told.textContent = answer.ok ? form.dataset.done : reasons || problem.detail;
});
"""
_STYLE = """
:root{color-scheme:light dark}*{box-sizing:border-box}
body{margin:0;padding:12vh 16px 16px;font:1rem/1.5 system-ui,sans-serif;
  background:light-dark(#f5f6f8,#0c0f14);color:light-dark(#161a22,#e9ecf2)}
main{max-width:24rem;margin:auto;padding:24px;border:1px solid light-dark(#e5e8ed,#252b36);border-radius:12px;
  background:light-dark(#fff,#14181f)}
p{margin:0;color:light-dark(#475063,#b1b9c7);font-size:.875rem}h1{margin:0 0 20px;font-size:1.25rem}
input,button{display:block;width:100%;height:44px;font:inherit;border-radius:8px}
input{margin:4px 0;padding:0 12px;border:1px solid light-dark(#858e9f,#647083);background:transparent;color:inherit}
button{margin-top:20px;border:0;font-weight:600;cursor:pointer;background:light-dark(#2f54d8,#86a0ff);
  color:light-dark(#fff,#0b1020)}
:focus-visible{outline:2px solid light-dark(#2f54d8,#86a0ff);outline-offset:2px}
output:not(:empty){display:block;margin-top:16px}.bad{color:light-dark(#bd262b,#ff8b88)}
"""


def password_page(call: Call) -> Reply:
    """Show the page on which somebody sets a password."""
    company, length = call.crm.config.company, call.crm.config.auth.password_length
    heading, label, hint, button, done, away = (escape(translate(text, company.locale)) for text in _TEXTS)
    body = (
        f'<!doctype html><html lang="{escape(company.locale.replace("_", "-"))}"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{heading} · {escape(company.name)}</title>'
        f"<style>{_STYLE}</style><main><p>{escape(company.name)}</p><h1>{heading}</h1>"
        f'<form data-done="{done}" data-away="{away}"><label>{label} <input name="password" type="password" '
        f'autocomplete="new-password" autofocus required minlength="{length}" aria-describedby="hint"></label>'
        f'<p id="hint">{hint.format(length=length)}</p><button>{button}</button></form><output></output></main>'
        f"<script>{_SCRIPT}</script></html>"
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
    _("At least {length} characters."),
    _("Set it"),
    _("Your password is set. You can sign in with it now."),
    _("The server does not answer. Try again."),
)
