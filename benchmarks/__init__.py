"""Benchmarks: `suites` for airspeed velocity, `peers` for funcnet beside other libraries in one run."""
