-- additive
-- By which the newest jobs of all organizations are found, and the entries about a job.
CREATE INDEX orgexport_jobs_created ON orgexport_jobs (created_at, id);
CREATE INDEX orgexport_audit_job ON orgexport_audit (job_id, at, id) WHERE job_id <> '';
