"""One vendor a file (or package). Adapters know ports and values; never a stage, never each other."""
