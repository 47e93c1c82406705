-- Housekeeping asks which blobs are named by a file of a job.
create index artifacts_blob on artifacts (blob);
