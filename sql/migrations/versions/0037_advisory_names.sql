-- People name an advisory by any of its ids, mostly by a CVE: found by an alias, or by what is upstream of it.

-- The index takes none of more than 2.7 kB; no id is as long as that, and records with more than 256 characters are refused.
UPDATE inventory.advisories
SET aliases = ARRAY(SELECT name FROM unnest(aliases) AS name WHERE length(name) <= 256),
    upstream = ARRAY(SELECT name FROM unnest(upstream) AS name WHERE length(name) <= 256)
WHERE EXISTS (SELECT FROM unnest(aliases || upstream) AS name WHERE length(name) > 256);

CREATE INDEX advisories_names ON inventory.advisories USING gin ((aliases || upstream));
