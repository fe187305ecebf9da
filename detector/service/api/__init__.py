"""Requests and answers: this knows HTTP and no models.

app        puts the routes together: score, jobs, files, models, policies, health, pages
envelope   what every answer has: an id, safe headers, a time, a line in the log
gate       how much is let in at once, and when no more is
access     who may do what; rates: how often
refusals   every error as a problem (RFC 9457)
incoming   a body as it comes, within its time
receive    a body -> files in the spool; multipart: its parts; intake: the limits
submit     a request with files -> a job in the store
waiting    one question to the store for all who wait
answers    what is kept -> what is told
"""
