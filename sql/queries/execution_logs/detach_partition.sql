-- Detaches a log partition, locking out no writer: not inside a transaction. Guard: it is attached.
ALTER TABLE scheduler.execution_logs DETACH PARTITION scheduler.{partition} CONCURRENTLY
