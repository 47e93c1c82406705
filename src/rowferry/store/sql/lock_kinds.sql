select pg_advisory_xact_lock(hashtextextended('rowferry.kinds', tenant()))
