"""The rules that every plugin keeps."""

from crmkit.testing import PluginConformance

# A company is no person; who is reached there may be one, and stands in a contact.
_OF_COMPANIES = ("customers.company.email", "customers.company.phone", "customers.company.street")


class TestConformance(PluginConformance, impersonal=_OF_COMPANIES): ...
