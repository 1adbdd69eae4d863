"""The parts of ``make bench-engine-quality``: is a faster way of drafting as good as the one it replaces?"""
