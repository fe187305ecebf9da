"""Requests and answers: this knows HTTP and no models.

app        puts the routes together
access     who may do what, and how often
gate       how much is let in at once, and when no more is
envelope   what every answer has: an id, safe headers, a time, a line in the log
refusals   every error as a problem (RFC 9457)
receive    a body -> files in the spool, within the limits while it comes
waiting    one question to the store for all who wait
answers    what is kept -> what is told
"""
