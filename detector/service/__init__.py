"""Moderation over HTTP: uploads in, scores and decisions out, people where the score will not do.

    api       requests and answers; knows HTTP, no models
    store     jobs, results, reviews, keys and deliveries, in SQLite or PostgreSQL
    spool     the uploads and pictures on disk
    engine    the killable decoders, and the models in batches
    worker    takes items from the store, lets the engine score them, writes down what came of it
    policy    a report -> allow, review or block
    webhooks  tells others what was decided
    review    the page on which people decide

The API and the workers are processes of their own that meet in the store and in the spool, nowhere else.
"""
