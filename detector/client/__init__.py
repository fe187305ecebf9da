"""Ask a `detector serve` instead of scoring here.

    from detector import Client

    with Client("https://moderation.example", key=os.environ["DETECTOR_API_KEY"]) as client:
        answer = client.score("photo.jpg")
        print(answer.decision.action, answer.report.fake_probability)

What is sent, what an answer means, and what is tried again is in `core` and `replies`, which know no sockets; `sync`
and `aio` carry it out. Nothing here imports Torch.
"""

from detector.client.aio import AsyncClient
from detector.client.answers import Answer, JobAnswer, JobItem
from detector.client.sync import Client

__all__ = ["Answer", "AsyncClient", "Client", "JobAnswer", "JobItem"]
