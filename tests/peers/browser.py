"""A headless Chromium, driven by its own protocol over a WebSocket. Nothing but Python's library is needed.

    browser = Browser(find_browser())
    browser.open("http://127.0.0.1:6380/")
    browser.value("document.title")

Everything that the pages say on their console as an error, and every address that they ask for, is kept.
"""

import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time

from servers import die_with_parent

PATIENCE = 60


def find_browser():
    """Debian's Chromium, or one by another name on PATH."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path:
            return path
    return None


class Socket:
    """The client's side of a WebSocket, for whole texts."""

    def __init__(self, port, path):
        self.stream = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        key = base64.b64encode(os.urandom(16)).decode()
        self.stream.sendall(("GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n" % (path, port, key)).encode())
        self.rest = b""
        while b"\r\n\r\n" not in self.rest:
            self.rest += self.stream.recv(65536)
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        assert b" 101 " in head, head

    def send(self, text):
        data = text.encode()
        mask = os.urandom(4)
        if len(data) < 126:
            head = struct.pack("!BB", 0x81, 0x80 | len(data))
        elif len(data) < 65536:
            head = struct.pack("!BBH", 0x81, 0x80 | 126, len(data))
        else:
            head = struct.pack("!BBQ", 0x81, 0x80 | 127, len(data))
        pad = mask * (len(data) // 4 + 1)
        masked = (int.from_bytes(data, "big") ^ int.from_bytes(pad[:len(data)], "big")).to_bytes(len(data), "big") if data else b""
        self.stream.sendall(head + mask + masked)

    def exactly(self, count):
        while len(self.rest) < count:
            piece = self.stream.recv(1 << 20)
            if not piece:
                raise ConnectionError("the browser has gone")
            self.rest += piece
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def receive(self):
        text = b""
        while True:
            first, second = self.exactly(2)
            length = second & 127
            if length == 126:
                length = struct.unpack("!H", self.exactly(2))[0]
            elif length == 127:
                length = struct.unpack("!Q", self.exactly(8))[0]
            piece = self.exactly(length)
            if first & 15 in (0, 1):
                text += piece
                if first & 128:
                    return text.decode()


class Browser:
    def __init__(self, program):
        self.folder = tempfile.mkdtemp(prefix="browser-")
        self.downloads = os.path.join(self.folder, "downloads")
        os.mkdir(self.downloads)
        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
             "--disable-dev-shm-usage", "--force-device-scale-factor=1", "--user-data-dir=" + self.folder, "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
        place = os.path.join(self.folder, "DevToolsActivePort")
        deadline = time.time() + PATIENCE
        while not (os.path.exists(place) and "\n" in open(place).read()):
            assert time.time() < deadline and self.process.poll() is None, "the browser does not start"
            time.sleep(0.05)
        port, path = open(place).read().split("\n")[:2]
        self.socket = Socket(int(port), path)
        self.number = 0
        self.errors, self.addresses = [], []
        target = self.call("Target.createTarget", url="about:blank", session=None)["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True, session=None)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self.call(domain + ".enable")
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=self.downloads, session=None)

    def call(self, method, session="", **params):
        self.number += 1
        wish = {"id": self.number, "method": method, "params": params}
        if session == "":
            wish["sessionId"] = self.session
        self.socket.send(json.dumps(wish))
        while True:
            told = json.loads(self.socket.receive())
            if told.get("id") == self.number:
                assert "error" not in told, "%s: %s" % (method, told.get("error"))
                return told["result"]
            self.note(told)

    def note(self, told):
        what, params = told.get("method"), told.get("params", {})
        if what == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        elif what == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.errors.append(json.dumps(params["args"]))
        elif what == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(params["entry"]["text"] + " " + params["entry"].get("url", ""))
        elif what == "Network.requestWillBeSent":
            self.addresses.append(params["request"]["url"])

    def open(self, address):
        self.call("Page.navigate", url=address)

    def value(self, script):
        """What a script says; a promise is waited for."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, json.dumps(result["exceptionDetails"])[:2000]
        return result["result"].get("value")

    def until(self, script, what, seconds=PATIENCE):
        deadline = time.time() + seconds
        while not self.value(script):
            assert time.time() < deadline, "there never was: " + what
            time.sleep(0.1)

    def press(self, key, code=None, text=None):
        number = {"Tab": 9, " ": 32, "ArrowRight": 39, "ArrowLeft": 37, "Enter": 13}.get(key, 0)
        more = {"text": text} if text else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=code or key, windowsVirtualKeyCode=number,
                      **(more if kind == "keyDown" else {}))

    def give_file(self, selector, path):
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", files=[path], nodeId=node)

    def screen(self, width, height, scheme, phone=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def picture(self, path):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def discard(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
