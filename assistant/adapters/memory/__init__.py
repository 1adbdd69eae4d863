"""The in-memory twin of every port: real behaviour without disk, network or model. Contract tests run both."""
