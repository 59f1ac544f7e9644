"""Engine: the records table in DuckDB here or on a fleet's engine there, and what is asked of it.

`queries`, `breakdowns`, `fleets` and `crossings` hold every question as an Ibis expression;
`store` asks them, `engines` connects, and `portable` is the one place where engines differ.
"""
