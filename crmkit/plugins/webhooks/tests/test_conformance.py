"""The rules that every plugin keeps."""

from crmkit.testing import PluginConformance


class TestConformance(PluginConformance): ...
