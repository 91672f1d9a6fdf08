-- A claim asks whether the feed changed since an instant: not by reading every revision there ever was.

CREATE INDEX feed_revisions_created ON inventory.feed_revisions (created_at);
