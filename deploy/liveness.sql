-- What the database says of one kind of step, and of one container's part in it. One row:
--
--   is_unheard   a step at the head of the queue was rung for, long ago, and nobody took it up
--   is_unrung    a step at the head of the queue was never rung for, or not again for long
--   is_working   this container holds a step
--
-- It reads no more than the head of the queue and the steps in work, both by an index: a million
-- steps that are done, or wait, cost nothing. The same words for SQLite and PostgreSQL.
--
--   kind          of step
--   host          this container's name; a worker's is "host-process-number", see worker_name()
--   now_ms        the time
--   long_ago_ms   before this time is long ago
WITH head AS (
    SELECT rung_ms, due_ms
    FROM steps
    WHERE state = 'due' AND kind = :kind AND due_ms <= :now_ms
    ORDER BY priority, run_id
    LIMIT 100
)
SELECT
    EXISTS (SELECT 1 FROM head WHERE rung_ms < :long_ago_ms) AS is_unheard,
    EXISTS (SELECT 1 FROM head WHERE COALESCE(rung_ms, due_ms) < :long_ago_ms) AS is_unrung,
    EXISTS (
        SELECT 1
        FROM steps
        WHERE state = 'running'
            AND worker LIKE :host || '-%-%'
            AND worker NOT LIKE :host || '-%-%-%'
    ) AS is_working
