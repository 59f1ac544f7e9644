"""Finding what can be run."""

from __future__ import annotations

import pytest

from vineview.errors import UsageError
from vineview.runbooks import catalogue


class TestCatalogue:
    def test_the_memory_runbook_is_listed_under_its_alerts_slug(self):
        entry = next(e for e in catalogue.entries() if e.slug == "memory-usage")
        assert (entry.kind, entry.title) == ("runbook", "High Memory Usage Alert")

    def test_runbooks_come_first(self):
        assert catalogue.entries()[0].kind == "runbook"

    def test_a_slug_or_a_path_is_found(self, write_notebook):
        path = write_notebook("# T")
        assert catalogue.find(str(path)) == path
        assert catalogue.find("memory-usage").name == "memory-usage.ipynb"

    @pytest.mark.parametrize("name", ["memory", "../memory-usage", "", "x.ipynb"])
    def test_anything_else_is_refused(self, name):
        with pytest.raises(UsageError):
            catalogue.find(name)
