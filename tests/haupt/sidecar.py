"""Does what the sidecar of a Kubernetes pod does every 10 s, by the sidecar's own code: sidecar.py STORE"""
import asyncio
import sys

from polyaxon._connections import V1Connection, V1HostPathConnection
from polyaxon._contexts import paths
from polyaxon._env_vars.getters import get_run_info
from polyaxon._fs.fs import close_fs, get_async_fs_from_connection
from polyaxon._fs.watcher import FSWatcher
from polyaxon._sidecar.container.monitors import sync_artifacts
from polyaxon._sidecar.ignore import IGNORE_FOLDERS
from polyaxon.client import RunClient

owner, project, uuid = get_run_info()
store = V1Connection(
    name="store", kind="host_path", schema_=V1HostPathConnection(host_path=sys.argv[1], mount_path=sys.argv[1]))


async def sync() -> None:
    fs = await get_async_fs_from_connection(connection=store)
    await sync_artifacts(
        fs=fs, fw=FSWatcher(), store_path=store.store_path, run_uuid=uuid, exclude=IGNORE_FOLDERS)
    await close_fs(fs)


asyncio.run(sync())
RunClient(owner=owner, project=project, run_uuid=uuid).sync_events_summaries(
    last_check=None, events_path=paths.CONTEXT_MOUNT_RUN_EVENTS_FORMAT.format(uuid))
