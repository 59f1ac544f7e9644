"""Formats: the export as JSON, NDJSON, CSV and Parquet, read, written, converted and imported.

`reading` gives records of what is small enough to be held, `opening` tables of anything, a piece
at a time; `writing` writes either, `converting` joins the two, and `importing` keeps what is large
as Parquet. Every format knows only its own bytes; `columns` knows how records become columns.
"""
