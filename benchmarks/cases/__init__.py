"""The benchmarks, each a function from a workshop and a size to what it found."""
