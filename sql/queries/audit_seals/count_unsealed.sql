-- How many entries of a chain wait for their seals.
SELECT count(*) FROM scheduler.audit_unsealed WHERE chain = %(chain)s
