"""Runbooks: their steps, the runner that executes them, the page they leave."""
