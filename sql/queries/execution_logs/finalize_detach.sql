-- Ends a detach that was interrupted. Guard: its detach is pending.
ALTER TABLE scheduler.execution_logs DETACH PARTITION scheduler.{partition} FINALIZE
