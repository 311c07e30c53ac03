"""temporal_worker.py ADDRESS WORKFLOWS ACTIVITIES: what worker_bench (library/orchestration/temporal) does, by Temporal's
Python SDK: workflows of one activity each, then one workflow of many activities, 100 of them beside each other. Prints the
same line of JSON."""

import asyncio
import concurrent.futures
import datetime
import json
import os
import resource
import sys
import time

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

SLOTS = 100
CLIENTS = 16
QUEUE = "bench-python"
LIMITS = {"start_to_close_timeout": datetime.timedelta(days=365), "heartbeat_timeout": datetime.timedelta(seconds=15)}


@activity.defn
def nothing(number: int) -> int:
    return number


@workflow.defn
class One:
    @workflow.run
    async def run(self, number: int) -> int:
        return await workflow.execute_activity(nothing, number, **LIMITS)


@workflow.defn
class Many:
    @workflow.run
    async def run(self, count: int) -> int:
        window = asyncio.Semaphore(SLOTS)

        async def step() -> int:
            async with window:
                return await workflow.execute_activity(nothing, 1, **LIMITS)

        return len(await asyncio.gather(*(step() for _ in range(count))))


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def measure(work):
    begun, cpu = time.perf_counter(), cpu_seconds()
    await work
    return time.perf_counter() - begun, cpu_seconds() - cpu


async def run_workflows(client, count, name):
    async def one_client(first):
        for number in range(first, count, CLIENTS):
            await client.execute_workflow(One.run, number, id=f"{name}-{os.getpid()}-{number}", task_queue=QUEUE)

    await asyncio.gather(*(one_client(first) for first in range(CLIENTS)))


async def main():
    address, workflows, activities = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    client = await Client.connect(address)
    with concurrent.futures.ThreadPoolExecutor(SLOTS) as threads:
        worker = Worker(
            client,
            task_queue=QUEUE,
            workflows=[One, Many],
            activities=[nothing],
            activity_executor=threads,
            max_concurrent_activities=SLOTS,
            # The sandbox would cost it more; ours has none.
            workflow_runner=UnsandboxedWorkflowRunner(),
        )
        async with worker:
            await run_workflows(client, CLIENTS, "warm")
            seconds, cpu = await measure(run_workflows(client, workflows, "one"))
            many = client.execute_workflow(Many.run, activities, id=f"many-python-{os.getpid()}", task_queue=QUEUE)
            many_seconds, many_cpu = await measure(many)
    print(json.dumps({"workflows": workflows, "workflow_seconds": seconds, "workflow_cpu": cpu, "activities": activities,
                      "activity_seconds": many_seconds, "activity_cpu": many_cpu}))


asyncio.run(main())
