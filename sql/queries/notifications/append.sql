-- Adds what people are to be told. Guard: the tenant is there, which its key refers to.
INSERT INTO scheduler.notifications (tenant_id, id, kind, subject, message, created_at, available_at)
VALUES (%(tenant_id)s, %(id)s, %(kind)s, %(subject)s, %(message)s, %(now)s, %(now)s)
