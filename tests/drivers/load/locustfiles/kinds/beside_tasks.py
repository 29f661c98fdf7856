from locust import SequentialTaskSet, task
from locust.exception import StopUser


class Browse(SequentialTaskSet):
    @task
    def first(self):
        self.client.get("/beside/first")

    @task
    def last(self):
        self.client.get("/beside/last")
        raise StopUser
