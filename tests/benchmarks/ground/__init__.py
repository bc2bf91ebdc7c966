"""What the benchmarks stand on: servers, workloads, baselines, processes of their own."""
