"""Orders something of the backup service, from a machine outside of the cluster: `python order.py METHOD URL TOKEN_FILE [DIRECTORY]`.

Files of an answer are written into the directory.
Ends with 0 when it is done, with 75 where the service could not be reached or says that it is too early, with 1 where it says that it failed.
"""

from __future__ import annotations

import io
import sys
import tarfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

WITHIN_S = 600.0
NOT_TRIED = 75
TOO_EARLY = 425


def order(method: str, url: str, token: str, directory: str = "") -> int:
    """The exit code."""
    quoted = urllib.parse.quote(url, safe=":/?=&%")  # a time has a `+`, which is a space in a query
    request = urllib.request.Request(quoted, method=method, headers={"authorization": token})  # noqa: S310 - of the operator
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=WITHIN_S) as response:
            content = response.read()
            if directory:
                with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                    archive.extractall(directory, filter="data")
            else:
                sys.stdout.write(content.decode() + "\n")
            return 0
    except urllib.error.HTTPError as error:
        sys.stderr.write(f"{method} {url} was answered {error.code}: {error.read(500).decode(errors='replace')}\n")
        return NOT_TRIED if error.code == TOO_EARLY else 1
    except (OSError, tarfile.TarError) as error:
        sys.stderr.write(f"{method} {url}: {error}\n")
        return NOT_TRIED


if __name__ == "__main__":
    asked, address, token_file, *into = sys.argv[1:]
    sys.exit(order(asked, address, Path(token_file).read_text().strip(), *into))
