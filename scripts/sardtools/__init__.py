"""What the project's Python scripts, tests and benchmarks share: engines by name, official cases, tables, machine facts.

Nothing here runs at import; every module can be read alone.
"""
