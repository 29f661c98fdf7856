"""Requests that one user sends at the same time, by greenlets of its own."""

import gevent
from gevent.pool import Pool
from locust import FastHttpUser, HttpUser, constant, task
from locust.exception import StopUser


class Page(HttpUser):
    wait_time = constant(0.01)

    @task
    def assets(self):
        self.client.get("/together/page")
        pool = Pool(3)
        for number in range(6):
            pool.spawn(self.client.get, f"/together/asset/{number % 2}")
        pool.join()
        raise StopUser


class FastPage(FastHttpUser):
    wait_time = constant(0.01)
    concurrency = 4

    @task
    def assets(self):
        gevent.joinall([gevent.spawn(self.client.get, "/together/fast") for _ in range(4)])
        raise StopUser
