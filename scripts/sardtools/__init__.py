"""What the project's Python scripts, tests and benchmarks share: engines by name, official cases, models, tables.

Nothing here runs at import; every module can be read alone.
"""
