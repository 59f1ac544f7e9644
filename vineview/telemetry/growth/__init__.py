"""Growth: a rate one can trust and a leak verdict with its evidence, from a hundred time buckets.

`buckets` says what goes in, `trend` and `leak` what comes out; `rates` has the regression,
`shapes` what else than a ramp a series can be, `signs` what the other metrics say.
"""
