"""T29: after signing in nobody is led to another site."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given, strategies as st

from crmkit.auth.next_page import HOME, next_page

ELSEWHERE = [
    "https://evil.example",
    "http://evil.example/",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/ /evil.example\\",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "https:evil.example",
    "https:/evil.example",
    "https:\\evil.example",
    "evil.example",
    "@evil.example",
    ".evil.example",
    "/\x00/evil.example",
    "/\u2028/evil.example",
    "/／evil.example",
    "/deals\r\nSet-Cookie: a=b",
    "",
    None,
    "/" + "a" * 3000,
]
HERE = [
    "/",
    "/deals",
    "/deals/42?tab=notes&page=2#end",
    "/%5Cevil.example",
    "/a//b",
    "/?next=https://evil.example",
    "/@x",
]
ORIGIN = "https://crm.example.org"


@pytest.mark.parametrize("asked", ELSEWHERE)
def test_t29_page_of_another_site_is_never_next(asked):
    assert next_page(asked) == HOME


@pytest.mark.parametrize("asked", HERE)
def test_t29_page_of_this_site_is_next(asked):
    assert next_page(asked) == asked


@given(st.text(alphabet="/\\:@.?#%ae\t\n ", max_size=12))
def test_t29_whatever_is_asked_stays_on_this_site(asked):
    # As a browser reads it: backslashes are slashes, tabs and line breaks are not there.
    read = "".join(char for char in next_page(asked).replace("\\", "/") if char not in "\t\n\r").strip()

    assert urlsplit(urljoin(ORIGIN + "/sign-in", read))[:2] == ("https", "crm.example.org")
