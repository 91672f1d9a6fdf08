-- Enters the system's room for the rest of the transaction: it sees every tenant. A client that freezes in it holds its locks for 2 minutes, unless the database says how long.
SELECT set_config('role', 'scheduler_system', true), set_config('scheduler.tenant', '', true),
    set_config('idle_in_transaction_session_timeout', coalesce(nullif(current_setting('idle_in_transaction_session_timeout'), '0'), '2min'), true)
