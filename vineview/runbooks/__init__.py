"""Runbooks: their steps, the runner that executes them, the page they leave."""

from __future__ import annotations

from vineview.runbooks.findings import Finding, Verdict
from vineview.runbooks.steps import Runbook

__all__ = ["Finding", "Runbook", "Verdict"]
