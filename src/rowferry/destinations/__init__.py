"""The places where rows go, one plug-in each; only `main` names one."""
