"""
matrix-nio behind a pipe: answers one JSON request per line of standard input with one JSON line on standard output, as
`processes/json-lines.ts` writes and reads them. Standard error is the log. Ends when its input does.
"""

import asyncio
import io
import json
import sys
import tempfile

from nio import (
    AsyncClient,
    AsyncClientConfig,
    DownloadError,
    EncryptionError,
    ErrorResponse,
    LocalProtocolError,
    MegolmEvent,
    RoomMessageText,
)

# Longest wait for anything, on a busy machine. Seconds.
WAIT_LIMIT = 60

# How long one /sync waits for news. Milliseconds.
POLL = 10_000


def checked(answer):
    """The answer, unless it is the server's no."""
    if isinstance(answer, (ErrorResponse, DownloadError)):
        raise RuntimeError(f"{type(answer).__name__}: {answer.message}")
    return answer


class Agent:
    """One session of matrix-nio that syncs by itself; what a test calls are its methods."""

    def __init__(self, store_path):
        self.store_path = store_path
        self.client = None
        self.syncing = None
        self.heard = {}
        self.undecrypted = {}
        self.news = asyncio.Condition()

    async def logIn(self, base_url, user, password):
        config = AsyncClientConfig(encryption_enabled=True, store_sync_tokens=True)
        self.client = AsyncClient(base_url, user, store_path=self.store_path, config=config)
        answer = checked(await self.client.login(password, "nio"))
        self.client.add_event_callback(self.on_text, RoomMessageText)
        self.client.add_event_callback(self.on_undecrypted, MegolmEvent)
        self.client.add_response_callback(self.on_response)
        checked(await self.client.sync(full_state=True))
        if self.client.should_upload_keys:
            checked(await self.client.keys_upload())
        self.syncing = asyncio.create_task(self.client.sync_forever(timeout=POLL))
        return {"userId": answer.user_id, "deviceId": answer.device_id}

    async def on_text(self, room, event):
        seen = {"sender": event.sender, "body": event.body, "encrypted": event.decrypted, "eventId": event.event_id}
        self.heard[(room.room_id, event.body)] = seen

    async def on_undecrypted(self, _room, event):
        self.undecrypted[event.event_id] = event

    async def retry(self):
        """A room key may come after the message: matrix-nio leaves it to its user to try again."""
        for event_id, event in list(self.undecrypted.items()):
            try:
                plain = self.client.decrypt_event(event)
            except EncryptionError:
                continue
            del self.undecrypted[event_id]
            if isinstance(plain, RoomMessageText):
                await self.on_text(self.client.rooms[event.room_id], plain)

    async def on_response(self, _response):
        await self.retry()
        async with self.news:
            self.news.notify_all()

    async def until(self, what, look):
        """What `look` gives as soon as that is something, looked for again after each answer of the server."""
        try:
            async with asyncio.timeout(WAIT_LIMIT), self.news:
                while not (found := look()):
                    if self.syncing.done():
                        self.syncing.result()
                    await self.news.wait()
                return found
        except TimeoutError as error:
            raise RuntimeError(f"waited in vain for: {what}") from error

    async def accept(self, room_id):
        invite = await self.until("the invite", lambda: self.client.invited_rooms.get(room_id))
        seen = {"inviter": invite.inviter, "name": invite.display_name}
        checked(await self.client.join(room_id))
        await self.until("the room", lambda: room_id in self.client.rooms)
        return seen

    async def room(self, room_id, members):
        """The room once so many have joined it."""
        found = await self.until("its members", lambda: len(self.client.rooms[room_id].users) >= members)
        assert found
        room = self.client.rooms[room_id]
        return {"name": room.display_name, "encrypted": room.encrypted, "members": sorted(room.users)}

    async def sendText(self, room_id, body):
        content = {"msgtype": "m.text", "body": body}
        answer = await self.client.room_send(room_id, "m.room.message", content, ignore_unverified_devices=True)
        return checked(answer).event_id

    async def waitForText(self, room_id, body):
        return await self.until(f"the text: {body}", lambda: self.heard.get((room_id, body)))

    async def typists(self, room_id):
        return await self.until("somebody types", lambda: self.client.rooms[room_id].typing_users)

    async def readBy(self, room_id, user_id):
        receipts = self.client.rooms[room_id].read_receipts
        return (await self.until("a receipt", lambda: receipts.get(user_id))).event_id

    async def markRead(self, room_id, event_id):
        checked(await self.client.room_read_markers(room_id, event_id, event_id))

    async def upload(self, text):
        body = text.encode()
        answer, _ = await self.client.upload(io.BytesIO(body), "text/plain", "a.txt", filesize=len(body))
        return checked(answer).content_uri

    async def download(self, mxc):
        answer = checked(await self.client.download(mxc=mxc))
        return {"type": answer.content_type, "text": answer.body.decode()}

    async def logOut(self):
        self.syncing.cancel()
        checked(await self.client.logout())
        await self.client.close()


async def answer(agent, request):
    try:
        result = await getattr(agent, request["method"])(*request["args"])
        reply = {"id": request["id"], "result": result}
    except (RuntimeError, LocalProtocolError, KeyError, TypeError, AttributeError, OSError) as error:
        reply = {"id": request["id"], "error": f"{type(error).__name__}: {error}"}
    sys.stdout.write(json.dumps(reply) + "\n")
    sys.stdout.flush()


async def main():
    lines = asyncio.StreamReader(limit=1_048_576)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    with tempfile.TemporaryDirectory() as store_path:
        agent = Agent(store_path)
        answering = set()
        while line := await lines.readline():
            task = asyncio.create_task(answer(agent, json.loads(line)))
            answering.add(task)
            task.add_done_callback(answering.discard)
        if agent.syncing:
            agent.syncing.cancel()
        if agent.client:
            await agent.client.close()


asyncio.run(main())
