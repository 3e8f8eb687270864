"""Load, honestly: planned send times, latency from the plan, and a generator that says when it was the bottleneck."""
