-- Enters the owner's room for the rest of the transaction: nobody else may delete what a scratch tenant leaves.
SELECT set_config('role', 'scheduler_owner', true)
