"""What a child process of a test does."""
from polyaxon_helper import send_metrics


def burst() -> None:
    for step in range(20, 40):
        send_metrics(step=step)


def one(step: int) -> None:
    send_metrics(step=step)
