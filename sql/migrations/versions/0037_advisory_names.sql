-- People name an advisory by any of its ids, mostly by a CVE: found by an alias, or by what is upstream of it.

CREATE INDEX advisories_names ON inventory.advisories USING gin ((aliases || upstream));
