"""Manners of HTTP that all dialects share: callers, refusals, paging, ranges, bodies, times."""
