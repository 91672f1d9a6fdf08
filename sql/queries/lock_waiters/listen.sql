-- Makes this session hear when it is a waiter's turn, from the commit on.
SELECT scheduler.listen_for_turn(%(ticket)s)
