"""`catch_response`: the file says what is right."""

from locust import HttpUser, constant, task
from locust.exception import StopUser


class Judge(HttpUser):
    wait_time = constant(0.01)

    @task
    def judge(self):
        with self.client.get("/judged/missing", catch_response=True) as answer:
            if answer.status_code == 404:
                answer.success()
        with self.client.get("/judged/text", catch_response=True) as answer:
            if answer.json().get("stock", 0) < 1:
                answer.failure("sold out")
        with self.client.get("/judged/slow", catch_response=True) as answer:
            if answer.elapsed.total_seconds() > 0.5:
                answer.failure("took too long")
        with self.client.get("/judged/broken", catch_response=True):
            pass
        with self.client.get("/judged/exception", catch_response=True) as answer:
            answer.failure(ValueError("no token"))
        raise StopUser
