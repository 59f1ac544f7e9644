"""The ``vineview`` command."""
