"""Others are told of what was decided: signed, with retries, and never at an address that is not public.

    signing     the signature, and how a receiver checks it
    secret      what signs
    guard       which addresses may be told
    sender      one try
    dispatcher  the tries, until a message is delivered or dead
    routes      the dead messages, for those who run the service

A message is delivered at least once: it is sent again where the answer was lost, or where a process was killed between
the answer and writing it down. Every time it has the same ``webhook-id``: a receiver remembers the ids that it has seen
and drops what comes twice. Messages may come out of order.
"""

from detector.service.webhooks.signing import SignatureError, sign, verify

__all__ = ["SignatureError", "sign", "verify"]
