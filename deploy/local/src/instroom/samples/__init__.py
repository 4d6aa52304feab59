"""Made-up people and workbooks, the same ones for the same seed: for the demo, the tests and the benchmarks."""
