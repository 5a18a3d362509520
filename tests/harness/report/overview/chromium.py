"""A real Chromium, spoken to through two pipes: JSON of the DevTools protocol, each message ended by a zero.

Source: Chromium's --remote-debugging-pipe, which reads from file descriptor 3 and writes to 4.
"""

import contextlib
import fcntl
import json
import os
import select
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PATIENCE_S = 120.0
READ, WRITE = 3, 4  # as Chromium numbers its ends
ABOVE = 20  # where our own ends lie before they are given these numbers


class Chromium:
    """One browser; `load` opens a page in it and returns what happened meanwhile."""

    def __init__(self, program: str, profile: Path) -> None:
        to_read, to_write = os.pipe(), os.pipe()
        theirs = [fcntl.fcntl(end, fcntl.F_DUPFD, ABOVE) for end in (to_read[0], to_write[1])]
        self._out, self._in = to_read[1], to_write[0]

        def give_numbers() -> None:
            for end, number in zip(theirs, (READ, WRITE), strict=True):
                os.dup2(end, number)

        switches = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run")
        self._process = subprocess.Popen(
            [program, *switches, "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=give_numbers,
            pass_fds=(READ, WRITE),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in (*theirs, to_read[0], to_write[1]):
            os.close(end)
        self._rest, self._count = b"", 0
        self.events: list[dict[str, Any]] = []
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def close(self) -> None:
        """End the browser."""
        with contextlib.suppress(OSError, AssertionError):
            self._ask("Browser.close")
        for end in (self._out, self._in):
            os.close(end)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The answer of the page."""
        return self._ask(method, self._session, **parameters)

    def load(self, page: Path, *, width: int, dark: bool = False, script: bool = True) -> None:
        """Open a page at a width; `events` are then those of this page."""
        self.ask("Emulation.setScriptExecutionDisabled", value=not script)
        size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
        self.ask("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.events.clear()
        self.ask("Page.navigate", url=page.as_uri())
        self._wait(lambda: any(one["method"] == "Page.loadEventFired" for one in self.events))

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript comes to."""
        found = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def requests(self) -> list[str]:
        """Addresses that the page asked for, but for its own and what lies within it."""
        asked = [one["params"] for one in self.events if one["method"] == "Network.requestWillBeSent"]
        return [
            one["request"]["url"] for one in asked if not one["request"]["url"].startswith(("data:", "file:"))
        ]

    def errors(self) -> list[str]:
        """What stands on the console."""
        told = {"Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"}
        return [json.dumps(one["params"])[:500] for one in self.events if one["method"] in told]

    def _ask(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        self._count += 1
        number, message = self._count, {"id": self._count, "method": method, "params": parameters}
        text = json.dumps({**message, **({"sessionId": session} if session else {})})
        self._write(text.encode() + b"\0")
        answers: list[dict[str, Any]] = []
        self._wait(lambda: bool(answers), number, answers)
        assert "error" not in answers[0], (method, answers[0]["error"])
        result: dict[str, Any] = answers[0]["result"]
        return result

    def _write(self, content: bytes) -> None:
        while content:
            content = content[os.write(self._out, content) :]

    def _wait(self, is_over: Any, number: int = 0, answers: list[dict[str, Any]] | None = None) -> None:
        until_s = time.monotonic() + PATIENCE_S
        while not is_over():
            assert time.monotonic() < until_s, "Chromium does not answer"
            for message in self._messages():
                if number and message.get("id") == number and answers is not None:
                    answers.append(message)
                elif "method" in message:
                    self.events.append(message)

    def _messages(self) -> Iterator[dict[str, Any]]:
        if select.select([self._in], [], [], 1.0)[0]:
            *whole, self._rest = (self._rest + os.read(self._in, 1 << 20)).split(b"\0")
            yield from map(json.loads, whole)
